from __future__ import annotations

import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.planning.progress import Meter, Phase, Progress
from scalediff_engine.spec.footprint import Footprint, StageLoad

# per megapixel 1 to encode, 2 a step, 3 to decode
FOOTPRINT = Footprint(0, 0, 2.0, 1.0, 3.0)
LOADS = [StageLoad(Size(1000, 1000), 4), StageLoad(Size(2000, 1000), 4)]


class Clock:
    """A clock that the test winds."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_fraction_is_work_done_and_the_rest_takes_as_long_as_it_did_so_far() -> None:
    seen: list[Progress] = []
    clock = Clock()
    meter = Meter(FOOTPRINT, LOADS, [4, 4], seen.append, clock)
    meter.report(Phase.ENCODE, 0)
    assert (seen[-1].fraction, seen[-1].seconds_left) == (0, None)

    clock.now_s += 9
    meter.report(Phase.DENOISE, 0, 4)  # 1 + 8 of 36
    assert seen[-1].fraction == pytest.approx(9 / 36)
    assert seen[-1].seconds_left == pytest.approx(27)

    clock.now_s += 5
    meter.report(Phase.ENCODE, 1)  # 12 of 36 after 14 s
    assert seen[-1].seconds_left == pytest.approx(28)

    meter.report(Phase.FINISH, 1, 4)
    assert (seen[-1].fraction, seen[-1].seconds_left) == (1, 0)


def test_what_another_process_has_done_does_not_make_this_one_look_faster() -> None:
    seen: list[Progress] = []
    clock = Clock()
    meter = Meter(FOOTPRINT, LOADS, [4, 4], seen.append, clock)
    meter.report(Phase.ENCODE, 1)  # resumed: 12 of 36 are there
    assert seen[-1].seconds_left is None
    clock.now_s += 10
    meter.report(Phase.DENOISE, 1, 2)  # and 10 more
    assert seen[-1].seconds_left == pytest.approx(14)


def test_the_bar_moves_while_the_sample_of_a_part_is_denoised() -> None:
    seen: list[Progress] = []
    samples = {1: StageLoad(Size(1000, 1000), 4, decodes=False)}
    meter = Meter(FOOTPRINT, LOADS, [4, 4], seen.append, Clock(), samples=samples)
    for step in range(5):
        meter.report(Phase.ENCODE, 1, step)  # 12 are done of 36 and the 9 of the sample
        assert seen[-1].fraction == pytest.approx((12 + 9 * step / 4) / 45)
    meter.report(Phase.DENOISE, 1, 0)
    assert seen[-1].fraction == pytest.approx((12 + 9 + 2) / 45)


def test_a_report_out_of_order_does_not_move_the_bar_back() -> None:
    seen: list[Progress] = []
    meter = Meter(FOOTPRINT, LOADS, [4, 4], seen.append, Clock())
    meter.report(Phase.DECODE, 1, 4)
    meter.report(Phase.ENCODE, 0)
    assert seen[1].fraction == seen[0].fraction
