from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Size
from scalediff_engine.method.stages import StageSizes, stage_sizes

NATIVE = Size(256, 256)


def sizes_of(source: tuple[int, int], target: tuple[int, int]) -> StageSizes:
    return stage_sizes(Size(*source), Size(*target), native=NATIVE, multiple=16)


def test_a_native_picture_is_doubled_until_it_is_there() -> None:
    sizes = sizes_of((256, 256), (1024, 1024))
    assert sizes.start == Size(256, 256)
    assert sizes.canvases == (Size(512, 512), Size(1024, 1024))


def test_a_picture_under_the_native_size_is_refined_there_first() -> None:
    sizes = sizes_of((64, 64), (512, 512))
    assert sizes.start == Size(256, 256)
    assert sizes.canvases == (Size(256, 256), Size(512, 512))


def test_a_picture_nearly_of_native_size_is_not_refined_first() -> None:
    assert sizes_of((240, 240), (480, 480)).canvases == (Size(480, 480),)


def test_a_stage_at_native_size_never_adds_to_the_number_of_stages() -> None:
    assert sizes_of((148, 148), (296, 296)).canvases == (Size(304, 304),)
    assert sizes_of((200, 200), (800, 800)).canvases == (Size(400, 400), Size(800, 800))
    assert sizes_of((128, 128), (512, 512)).canvases == (Size(256, 256), Size(512, 512))


def test_a_small_picture_with_a_small_target_is_refined_at_the_target() -> None:
    assert sizes_of((64, 64), (128, 128)).canvases == (Size(128, 128),)


def test_the_same_size_is_refined_once() -> None:
    assert sizes_of((512, 512), (512, 512)).canvases == (Size(512, 512),)


def test_a_factor_of_three_takes_two_equal_steps() -> None:
    assert sizes_of((512, 512), (1536, 1536)).canvases == (Size(880, 880), Size(1536, 1536))


def test_sizes_that_are_no_multiple_are_padded() -> None:
    sizes = sizes_of((257, 431), (771, 1293))
    assert sizes.canvas == Size(784, 1296)
    assert sizes.target == Size(771, 1293)


@pytest.mark.parametrize(
    ("source", "target"),
    [((1024, 333), (2000, 650)), ((1, 1), (4, 4)), ((3000, 40), (6000, 80)), ((1, 700), (8, 5600))],
)
def test_odd_shapes_have_stages(source: tuple[int, int], target: tuple[int, int]) -> None:
    assert sizes_of(source, target).canvas == Size(*target).padded(16)


side = st.integers(1, 5000)


@given(side, side, st.floats(1, 16), st.floats(1, 16))
def test_every_stage_grows_by_two_at_most_and_ends_at_the_padded_target(
    width: int, height: int, across: float, down: float
) -> None:
    source = Size(width, height)
    target = Size(round(width * across), round(height * down))
    sizes = sizes_of(source, target)
    assert sizes.canvas == target.padded(16)
    path = (sizes.start, *sizes.canvases)
    for before, after in itertools.pairwise(path):
        assert before.width % 16 == before.height % 16 == 0
        # rounding to a multiple of 16 may add up to 8 pixels on either side
        assert after.width <= 2 * (before.width + 8) + 8
        assert after.height <= 2 * (before.height + 8) + 8
        assert after.width >= before.width
        assert after.height >= before.height
