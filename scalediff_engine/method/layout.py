"""Where the queries and keys of a tiling lie in memory: indices into rows of tokens.

Attention over patches copies three things: the queries in the order of their patches, the windows
of keys and values, and the outputs back to their places. Each copy is one gather or scatter of
whole tokens (all heads), however ragged the tiling is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from scalediff_engine.geometry import Grid, Offset
from scalediff_engine.method.patches import axis_patches, runs_of_equal_size

# Tilings of a step: one a level of the U-Net. The loop moves the tiling at every step.
_REMEMBERED = 16


class Piece(NamedTuple):
    """Patches of equal size, which attention takes as one batch.

    Attributes:
        patches: their number, over all items of the batch
        length: queries of each
    """

    patches: int
    length: int


@dataclass(frozen=True)
class Group:
    """Pieces whose tokens are copied at once.

    Attributes:
        pieces: in the order of the indices
        queries: (sum of patches * length,) token of each query; every token is in one group
        windows: (sum of patches, window) tokens of each patch's keys
    """

    pieces: tuple[Piece, ...]
    queries: Tensor
    windows: Tensor


@lru_cache(maxsize=_REMEMBERED)
def token_groups(
    grid: Grid,
    window: Grid,
    offset: Offset,
    *,
    batch: int,
    patches_at_once: int | None,
    device: torch.device,
) -> tuple[Group, ...]:
    """Lay a tiling out over a batch of token grids.

    Args:
        grid: rows x cols of tokens, row-major; the items of the batch follow each other
        window: rows x cols of keys that one patch sees; larger sides than the grid's are cut
        offset: where the tiling starts, in tokens
        batch: number of grids
        patches_at_once: at most so many patches (and at least one) are in a group
        device: of the indices

    Returns:
        Groups that together hold every token of the batch once as a query.

    Raises:
        ValueError: the window has an odd side.
    """
    window_size = Grid(min(window.rows, grid.rows), min(window.cols, grid.cols))
    groups: list[Group] = []
    pending: list[tuple[Grid, list[_Patch]]] = []
    room = patches_at_once or grid.cells * batch
    free = room
    for size, patches in _runs(grid, window, offset, batch):
        while patches:
            taken, patches = patches[:free], patches[free:]
            pending.append((size, taken))
            free -= len(taken)
            if free == 0:
                groups.append(_group(pending, grid, window_size, device))
                pending, free = [], room
    if pending:
        groups.append(_group(pending, grid, window_size, device))
    return tuple(groups)


class _Patch(NamedTuple):
    item: int
    row: int
    col: int
    window_row: int
    window_col: int


def _runs(
    grid: Grid, window: Grid, offset: Offset, batch: int
) -> list[tuple[Grid, list[_Patch]]]:
    """Patches of equal size together: the whole ones first, since they are the most."""
    rows, cols = (
        runs_of_equal_size(axis_patches(length, size, shift))
        for length, size, shift in zip(grid, window, offset, strict=True)
    )
    runs: dict[Grid, list[_Patch]] = {}
    for row_run, col_run in product(rows, cols):
        runs.setdefault(Grid(row_run.size, col_run.size), []).extend(
            _Patch(item, row_run.start + i * row_run.size, col_run.start + j * col_run.size, wr, wc)
            for item in range(batch)
            for i, wr in enumerate(row_run.window_starts)
            for j, wc in enumerate(col_run.window_starts)
        )
    return sorted(runs.items(), key=lambda run: -len(run[1]))


def _group(
    runs: list[tuple[Grid, list[_Patch]]], grid: Grid, window: Grid, device: torch.device
) -> Group:
    # Small numbers go to the device, from pinned memory so that the host does not wait for it;
    # the long index lists are worked out there.
    table = torch.tensor([patch for _, patches in runs for patch in patches])
    if device.type == "cuda":
        table = table.pin_memory()
    item, row, col, window_row, window_col = table.to(device, non_blocking=True).unbind(1)
    first = item * grid.cells + row * grid.cols + col
    first_key = item * grid.cells + window_row * grid.cols + window_col
    queries: list[Tensor] = []
    begin = 0
    for size, patches in runs:
        end = begin + len(patches)
        queries.append((first[begin:end, None] + _rectangle(size, grid.cols, device)).flatten())
        begin = end
    return Group(
        pieces=tuple(Piece(len(patches), size.cells) for size, patches in runs),
        queries=torch.cat(queries),
        windows=first_key[:, None] + _rectangle(window, grid.cols, device),
    )


def _rectangle(size: Grid, stride: int, device: torch.device) -> Tensor:
    """(rows*cols,) tokens of a rectangle, counted from its first one."""
    rows = torch.arange(size.rows, device=device)
    return (rows[:, None] * stride + torch.arange(size.cols, device=device)).flatten()
