"""Where a tiling's queries and keys lie: every query once, beside one legal window."""

from __future__ import annotations

from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from npa_reference import visible

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method.patches import PatchLayout, Piece, lay_out_patches

CPU = torch.device("cpu")

tilings = st.fixed_dictionaries(
    {
        "grid": st.builds(Grid, st.integers(1, 19), st.integers(1, 19)),
        "window": st.builds(
            lambda rows, cols: Grid(2 * rows, 2 * cols), st.integers(1, 5), st.integers(1, 5)
        ),
        "offset": st.builds(Offset, st.integers(0, 12), st.integers(0, 12)),
        "batch": st.integers(1, 3),
        "patches_at_once": st.none() | st.integers(1, 7),
    }
)


def laid_out(
    grid: Grid, window: Grid, offset: Offset, batch: int, patches_at_once: int | None
) -> PatchLayout:
    return lay_out_patches(
        grid, window, offset, batch=batch, patches_at_once=patches_at_once, device=CPU
    )


@settings(max_examples=100, deadline=None)
@given(tiling=tilings)
def test_every_query_is_there_once_beside_the_window_that_it_may_see(tiling: dict) -> None:
    grid, window, offset = tiling["grid"], tiling["window"], tiling["offset"]
    seen: list[int] = []
    for group in laid_out(**tiling).groups:
        ends = list(accumulate(group.lengths))
        assert len(group.windows) == len(group.lengths)
        for length, end, keys in zip(group.lengths, ends, group.windows.tolist(), strict=True):
            for query in group.queries[end - length : end].tolist():
                item, token = divmod(query, grid.cells)
                row, col = divmod(token, grid.cols)
                legal = [
                    item * grid.cells + r * grid.cols + c
                    for r in visible(row, grid.rows, window.rows, offset.row)
                    for c in visible(col, grid.cols, window.cols, offset.col)
                ]
                assert keys == legal
                seen.append(query)
    assert sorted(seen) == list(range(tiling["batch"] * grid.cells))


@settings(max_examples=50, deadline=None)
@given(tiling=tilings)
def test_the_places_bring_every_output_back_to_its_token(tiling: dict) -> None:
    layout = laid_out(**tiling)
    order = torch.cat([group.queries for group in layout.groups])
    assert torch.equal(order[layout.places], torch.arange(len(order)))


@settings(max_examples=50, deadline=None)
@given(tiling=tilings)
def test_a_group_has_no_more_patches_than_memory_allows(tiling: dict) -> None:
    groups, most = laid_out(**tiling).groups, tiling["patches_at_once"]
    if most is None:
        assert len(groups) == 1
    else:
        assert all(len(group.lengths) <= most for group in groups)
        assert all(len(group.lengths) == most for group in groups[:-1])


@settings(max_examples=50, deadline=None)
@given(tiling=tilings)
def test_patches_of_equal_size_are_one_batch_each(tiling: dict) -> None:
    layout = laid_out(**tiling)
    for group in layout.groups:
        lengths = [piece.length for piece in group.pieces]
        assert len(set(lengths)) == len(lengths)
        assert sum(piece.patches * piece.length for piece in group.pieces) == len(group.queries)
    assert layout.patches == sum(p.patches for group in layout.groups for p in group.pieces)


def test_a_moved_tiling_makes_at_most_nine_batches_a_layer() -> None:
    layout = laid_out(Grid(32, 32), Grid(8, 8), Offset(3, 1), 1, None)
    whole, *ragged = layout.groups[0].pieces
    assert whole == Piece(1, 5 * 5)  # a corner, where the border pushed two windows together
    assert len(ragged) <= 8


def test_a_window_without_a_half_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        laid_out(Grid(16, 16), Grid(8, 1), Offset(0, 0), 1, None)
