"""Time left that does not jump."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.ui.smoothed_eta import Rounded, SmoothedEta, step_of


def run(estimates: list[tuple[float, float | None]], until: float) -> list[float]:
    """What is shown four times a second while these estimates come."""
    steady, shown, waiting = SmoothedEta(), [], list(estimates)
    for tick in range(int(until * 4)):
        now = tick / 4
        while waiting and waiting[0][0] <= now:
            steady.tell(*waiting.pop(0))
        seconds = steady.shown(now)
        if seconds is not None:
            shown.append(seconds)
    return shown


def test_nothing_is_shown_before_anything_is_known() -> None:
    steady = SmoothedEta()
    steady.tell(0, None)
    assert steady.shown(1) is None


def test_a_right_estimate_counts_down_second_by_second() -> None:
    shown = run([(t, 100.0 - t) for t in range(100)], 99)
    for tick, seconds in enumerate(shown):
        assert seconds == pytest.approx(100 - tick / 4, abs=0.1)


def test_noisy_estimates_give_a_steady_count_down() -> None:
    dice = random.Random(0)  # noqa: S311
    truth = [(t, (120.0 - t) * dice.uniform(0.75, 1.25)) for t in range(120)]
    shown = run(truth, 119)
    rises = [after - before for before, after in itertools.pairwise(shown)]
    assert max(rises) < 0.3
    raw = [b[1] - a[1] for a, b in itertools.pairwise(truth)]
    assert max(raw) > 30  # what it would have been


def test_an_estimate_that_was_wrong_is_put_right_within_a_while() -> None:
    # said to take 60 s, and takes 300
    shown = run([(0, 60.0), *((t, 300.0 - t) for t in range(2, 120))], 60)
    assert shown[-1] == pytest.approx(240, rel=0.15)


def test_what_ends_sooner_goes_faster_and_does_not_leap() -> None:
    shown = run([(0, 600.0), *((t, 40.0 - t) for t in range(5, 40))], 40)
    falls = [before - after for before, after in itertools.pairwise(shown)]
    assert max(falls) <= 0.25 * 91
    assert shown[-1] < 5


@given(st.lists(st.floats(0, 10_000) | st.none(), min_size=1, max_size=60))
def test_whatever_comes_nothing_leaps(estimates: list[float | None]) -> None:
    shown = run(list(enumerate(estimates)), len(estimates) + 5)
    for before, after in itertools.pairwise(shown):
        assert after >= 0
        assert abs(after - before) <= 0.25 * max(6.0, 0.1501 * max(before, after)) + 1e-6


def test_looking_more_often_changes_little() -> None:
    seldom, often = SmoothedEta(), SmoothedEta()
    for steady in (seldom, often):
        steady.tell(0, 100)
        steady.shown(0)
        steady.tell(10, 300)
    for tick in range(1, 1000):
        often.shown(10 + tick / 50)
    assert seldom.shown(30) == pytest.approx(often.shown(30), rel=0.02)


def test_the_clock_stands_while_the_job_is_paused() -> None:
    steady = SmoothedEta()
    steady.tell(0, 100)
    steady.shown(0)
    steady.pause(10)
    assert steady.shown(500) == pytest.approx(90)
    steady.resume(1000)
    assert steady.shown(1010) == pytest.approx(80, abs=0.5)


def test_what_is_read_does_not_flicker_between_two_steps() -> None:
    rounded = Rounded()
    assert rounded(32.4) == 30
    assert [rounded(seconds) for seconds in (32.6, 32.4, 32.6, 33.5)] == [30] * 4
    assert rounded(34) == 35


@pytest.mark.parametrize(("seconds", "step"), [(3, 5), (59, 5), (61, 10), (119, 10), (121, 60)])
def test_longer_times_are_told_in_larger_steps(seconds: float, step: int) -> None:
    assert step_of(seconds) == step
