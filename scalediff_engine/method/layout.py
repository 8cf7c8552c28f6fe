"""Where the queries and keys of a tiling lie in memory: indices into rows of tokens.

Attention over patches copies three things: the queries in the order of their patches, the windows
of keys and values, and the outputs back to their places. Each copy is one gather of whole tokens
(all heads), however ragged the tiling is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby, product
from typing import NamedTuple

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method.patches import axis_patches

# Tilings of a step: one a level of the U-Net. The loop moves the tiling at every step.
_REMEMBERED = 16


class Piece(NamedTuple):
    """Patches of equal size, which attention can take as one batch.

    Attributes:
        patches: their number
        length: queries of each
    """

    patches: int
    length: int


@dataclass(frozen=True)
class Group:
    """Patches whose tokens are copied at once.

    Attributes:
        lengths: queries of each patch; equal ones follow each other
        queries: (sum of lengths,) token of each query
        windows: (patches, window) tokens of each patch's keys
    """

    lengths: tuple[int, ...]
    queries: Tensor
    windows: Tensor

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The patches as batches of equal ones."""
        return tuple(Piece(len(list(run)), length) for length, run in groupby(self.lengths))


@dataclass(frozen=True)
class Layout:
    """A tiling over a batch of token grids.

    Attributes:
        groups: hold every token of the batch once as a query
        places: (tokens,) for each token, where it stands among the queries of all groups
    """

    groups: tuple[Group, ...]
    places: Tensor

    @property
    def patches(self) -> int:
        """Patches in all groups."""
        return sum(len(group.lengths) for group in self.groups)


@lru_cache(maxsize=_REMEMBERED)
def lay_out(
    grid: Grid,
    window: Grid,
    offset: Offset,
    *,
    batch: int,
    patches_at_once: int | None,
    device: torch.device,
) -> Layout:
    """Lay a tiling out over a batch of token grids.

    Args:
        grid: rows x cols of tokens, row-major; the items of the batch follow each other
        window: rows x cols of keys that one patch sees; larger sides than the grid's are cut
        offset: where the tiling starts, in tokens
        batch: number of grids
        patches_at_once: at most so many patches (and at least one) are in a group; None = all
        device: of the indices

    Raises:
        ValueError: a side of the window is smaller than 2.
    """
    rows, cols = (
        axis_patches(length, size, shift)
        for length, size, shift in zip(grid, window, offset, strict=True)
    )
    patches = sorted(
        (
            _Patch(r.stop - r.start, c.stop - c.start, item, r.start, c.start, *starts)
            for item, r, c in product(range(batch), rows, cols)
            for starts in [(r.window_start, c.window_start)]
        ),
        key=lambda patch: (patch.rows * patch.cols, patch.rows),
        reverse=True,
    )
    at_once = patches_at_once or len(patches)
    keys = Grid(min(window.rows, grid.rows), min(window.cols, grid.cols))
    groups = tuple(
        _group(patches[begin : begin + at_once], grid, keys, device)
        for begin in range(0, len(patches), at_once)
    )
    order = torch.cat([group.queries for group in groups])
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order), device=device)
    return Layout(groups, places)


class _Patch(NamedTuple):
    rows: int
    cols: int
    item: int
    row: int
    col: int
    window_row: int
    window_col: int


def _group(patches: Sequence[_Patch], grid: Grid, window: Grid, device: torch.device) -> Group:
    # Small numbers go to the device, from pinned memory so that the host does not wait for it;
    # the long index lists are worked out there.
    table = torch.tensor(patches)
    if device.type == "cuda":
        table = table.pin_memory()
    _, _, item, row, col, window_row, window_col = table.to(device, non_blocking=True).unbind(1)
    first = item * grid.cells + row * grid.cols + col
    first_key = item * grid.cells + window_row * grid.cols + window_col
    counts = [len(list(run)) for _, run in groupby(patches, key=lambda p: (p.rows, p.cols))]
    queries: list[Tensor] = []
    for count, end in zip(counts, accumulate(counts), strict=True):
        size = Grid(patches[end - 1].rows, patches[end - 1].cols)
        inside = _rectangle(size, grid.cols, device)
        queries.append((first[end - count : end, None] + inside).flatten())
    return Group(
        lengths=tuple(patch.rows * patch.cols for patch in patches),
        queries=torch.cat(queries),
        windows=first_key[:, None] + _rectangle(window, grid.cols, device),
    )


def _rectangle(size: Grid, stride: int, device: torch.device) -> Tensor:
    """(rows*cols,) tokens of a rectangle, counted from its first one."""
    rows = torch.arange(size.rows, device=device)
    return (rows[:, None] * stride + torch.arange(size.cols, device=device)).flatten()
