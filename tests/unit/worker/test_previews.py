from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalediff_engine.jobs import spool
from scalediff_engine.worker.ends import Previews

GREY = np.full((6, 8, 3), 90, np.uint8)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_at_most_four_a_second_and_always_the_last_of_a_stage(tmp_path: Path) -> None:
    clock = Clock()
    previews = Previews(tmp_path, clock)
    previews.offer(None, last=True)
    assert previews.number == 0
    for _ in range(10):  # a second, and a little
        previews.offer(GREY, last=False)
        clock.now_s += 0.11
    assert previews.number == 4
    previews.offer(GREY, last=True)
    assert previews.number == 5
    with Image.open(tmp_path / spool.PREVIEW) as image:
        assert (image.format, image.size) == ("JPEG", (8, 6))
    assert [path.name for path in tmp_path.iterdir()] == [spool.PREVIEW]


def test_numbers_go_on_where_an_earlier_worker_stopped(tmp_path: Path) -> None:
    previews = Previews(tmp_path)
    for _ in range(3):
        previews.offer(GREY, last=True)
    later = Previews(tmp_path)
    later.offer(GREY, last=True)
    assert later.number == 4


def test_a_guess_stays_one_until_the_model_has_drawn_something(tmp_path: Path) -> None:
    previews = Previews(tmp_path)
    assert not previews.is_guess
    previews.offer(GREY, last=True, is_guess=True)
    later = Previews(tmp_path)  # another worker takes the job up
    assert (later.number, later.is_guess) == (1, True)
    later.offer(None, last=True)
    assert later.is_guess
    later.offer(GREY, last=True)
    assert (later.number, later.is_guess) == (2, False)
    assert not Previews(tmp_path).is_guess


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_damaged_preview_is_replaced(content: bytes, tmp_path: Path) -> None:
    (tmp_path / spool.PREVIEW).write_bytes(content)
    previews = Previews(tmp_path)
    previews.offer(GREY, last=True)
    assert previews.number == 1


def test_a_preview_that_cannot_be_written_holds_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    previews = Previews(tmp_path / "gone")
    previews.offer(GREY, last=True)
    assert previews.number == 0
    assert "could not be written" in caplog.text
