from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.method.patches import Patch, axis_patches


def test_the_pages_example_is_met() -> None:
    # 16 tokens, windows of 8: patches of 4 whose windows start 2 before them, pushed inward
    assert axis_patches(16, 8, 0) == (
        Patch(0, 4, 0),
        Patch(4, 8, 2),
        Patch(8, 12, 6),
        Patch(12, 16, 8),
    )


def test_an_offset_leaves_ragged_patches_at_both_ends() -> None:
    # the last whole patch and the ragged one after it are pushed into the same window
    assert axis_patches(16, 8, 3) == (
        Patch(0, 3, 0),
        Patch(3, 7, 1),
        Patch(7, 11, 5),
        Patch(11, 16, 8),
    )


def test_an_offset_makes_no_more_patches_where_they_tile_the_axis() -> None:
    counts = {len(axis_patches(256, 64, offset)) for offset in range(32)}
    assert max(counts) == 8


@given(st.integers(1, 300), st.integers(2, 80), st.integers(0, 200))
def test_patches_tile_the_axis_and_lie_inside_their_windows(
    length: int, window: int, offset: int
) -> None:
    patches = axis_patches(length, window, offset)
    assert patches[0].start == 0
    assert patches[-1].stop == length
    assert all(a.stop == b.start for a, b in itertools.pairwise(patches))
    assert all(a.window_start < b.window_start for a, b in itertools.pairwise(patches))
    longest = window - window // 4 if length > window else length
    assert max(p.stop - p.start for p in patches) <= longest
    for start, stop, window_start in patches:
        assert 0 <= window_start <= max(0, length - window)
        assert window_start <= start < stop <= window_start + window


@pytest.mark.parametrize("window", [0, -2, 1])
def test_windows_without_a_half_are_refused(window: int) -> None:
    with pytest.raises(ValueError, match=f"not {window}"):
        axis_patches(20, window, 0)
