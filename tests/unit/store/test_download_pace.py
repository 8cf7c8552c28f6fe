"""How long a download still takes, and whether there is room for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.base.errors import DiskFull
from scalediff_engine.store.download import Pace, Reporter, require_room


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.seconds_left(0, 1000) is None
    clock.now = 10
    assert pace.seconds_left(100, 1000) == pytest.approx(90)
    # five times as quick from now on: the slow beginning is forgotten
    for second in range(11, 41):
        clock.now = second
        left = pace.seconds_left(100 + 20 * (second - 10), 1000)
    assert left == pytest.approx((1000 - 700) / 20)


def test_a_download_that_stands_still_promises_nothing() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.seconds_left(500, 1000)
    clock.now = 30
    assert pace.seconds_left(500, 1000) is None


def test_it_is_said_a_few_times_a_second_and_always_at_the_end() -> None:
    clock = Clock()
    said: list[dict[str, object]] = []
    reporter = Reporter(said.append, 100, clock)
    for step in range(100):
        clock.now = step / 100
        reporter.tell(step)
    reporter.tell(100, always=True)
    assert 4 <= len(said) <= 6
    assert said[-1]["done_bytes"] == 100


def test_what_has_arrived_needs_no_room(tmp_path: Path) -> None:
    require_room(tmp_path / "not" / "yet", "org/name", 10**15, 10**15)
    with pytest.raises(DiskFull, match=r"1000000\.0 GB more"):
        require_room(tmp_path / "not" / "yet", "org/name", 10**15, 0)
