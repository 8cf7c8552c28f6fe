"""How query patches tile the tokens, which window of keys each sees, and where both lie in memory.

Pure integer arithmetic, one axis at a time; rows and columns are independent.
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


class Patch(NamedTuple):
    """Queries ``start:stop`` of an axis and the first key of their window."""

    start: int
    stop: int
    window_start: int


def axis_patches(length: int, window: int, offset: int) -> tuple[Patch, ...]:
    """Tile ``length`` tokens with patches of half a window, the tiling shifted by ``offset``.

    The window of the patch that starts at ``r`` starts at ``clamp(r - window/4, 0, length -
    window)``: centred on the patch and pushed inward at the border. Of an odd window, the patch is
    the smaller half, and one more key lies above it than below. With an offset the first and the
    last patch are ragged; their window is that of the whole patch they are a part of. Neighbours
    that the border pushes into the same window are one patch: so an offset does not make more of
    them.

    Args:
        length: tokens along the axis
        window: keys that one patch sees along the axis, at least 2
        offset: start of the first whole patch, any integer (taken modulo half a window)

    Returns:
        Patches in order, without gap or overlap, of at most ``window - window // 4``
        queries. A single patch when the window covers the axis.

    Raises:
        ValueError: the window is smaller than 2.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1; ragged borders and odd windows are ours.
    """
    if window < 2:
        raise ValueError(f"A window needs a length of at least 2, not {window}.")
    if length <= window:
        return (Patch(0, length, 0),)
    size = window // 2
    first = offset % size
    last_window = length - window
    patches: list[Patch] = []
    for r in range(first - size if first else 0, length, size):
        start, stop = max(0, r), min(length, r + size)
        window_start = min(max(r - (window - size) // 2, 0), last_window)
        if patches and patches[-1].window_start == window_start:
            start = patches.pop().start
        patches.append(Patch(start, stop, window_start))
    return tuple(patches)


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
class PatchGroup:
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
class PatchLayout:
    """A tiling over a batch of token grids.

    Attributes:
        groups: hold every token of the batch once as a query
        places: (tokens,) for each token, where it stands among the queries of all groups
    """

    groups: tuple[PatchGroup, ...]
    places: Tensor

    @property
    def patches(self) -> int:
        """Patches in all groups."""
        return sum(len(group.lengths) for group in self.groups)


@lru_cache(maxsize=_REMEMBERED)
def lay_out_patches(
    grid: Grid,
    window: Grid,
    offset: Offset,
    *,
    batch: int,
    patches_at_once: int | None,
    device: torch.device,
) -> PatchLayout:
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
    return PatchLayout(groups, places)


class _Patch(NamedTuple):
    rows: int
    cols: int
    item: int
    row: int
    col: int
    window_row: int
    window_col: int


def _group(patches: Sequence[_Patch], grid: Grid, window: Grid, device: torch.device) -> PatchGroup:
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
    return PatchGroup(
        lengths=tuple(patch.rows * patch.cols for patch in patches),
        queries=torch.cat(queries),
        windows=first_key[:, None] + _rectangle(window, grid.cols, device),
    )


def _rectangle(size: Grid, stride: int, device: torch.device) -> Tensor:
    """(rows*cols,) tokens of a rectangle, counted from its first one."""
    rows = torch.arange(size.rows, device=device)
    return (rows[:, None] * stride + torch.arange(size.cols, device=device)).flatten()
