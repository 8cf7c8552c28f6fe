"""Neighborhood Patch Attention as one GPU kernel that reads windows where they lie.

Cutting windows out and attending to the copies moves each key five times or so, needs memory for
the copies, and pays for every ragged shape anew. Here each program takes some queries of one patch
and walks over the keys of the patch's window in place: one launch a layer, whatever the tiling.
The arithmetic is that of FlashAttention (Dao et al. 2022, arXiv 2205.14135): softmax on the way,
in float32.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method.patches import Patch, axis_patches

try:
    from scalediff_engine.method import kernel_triton
except ImportError:  # no Triton: not on macOS, not with every build for Windows
    _triton: Any = None
else:  # Python's types have no word for a kernel: a function that is indexed with its grid
    _triton: Any = kernel_triton

_QUERIES = 128  # of a program
# Below this, Triton makes no code for NVIDIA's hardware.
_CAPABILITY = (7, 0)


class Blocking(NamedTuple):
    """How a program is cut.

    Attributes:
        keys: of one step
        warps: that share the work
        stages: loads in flight
    """

    keys: int
    warps: int
    stages: int


# The first is the fastest on an H100, of eight that were measured; the others need less of the
# memory on the chip, of which most devices have less.
_BLOCKINGS = (Blocking(64, 8, 3), Blocking(64, 8, 2), Blocking(32, 4, 2))
# By device and D, the first of them that fits; beyond the last one = none does.
_fitting: dict[tuple[torch.device, int], int] = {}


class KernelTooLarge(Exception):
    """No way to cut the work fits on the chip; from now on ``has_kernel`` knows."""


class Text(NamedTuple):
    """Text that the patches of an image attend to before their windows.

    Attributes:
        query, key: (patches, T, heads, D), turned to each patch's window
        value: (T, heads, D)
    """

    query: Tensor
    key: Tensor
    value: Tensor


@lru_cache(maxsize=8)
def triton_works(device: torch.device) -> bool:
    """Whether kernels run on a device: besides the package it takes a C compiler and a driver."""
    if _triton is None or device.type != "cuda":
        return False
    if torch.version.hip is None and torch.cuda.get_device_capability(device) < _CAPABILITY:
        return False  # the smallest kernel may pass where larger ones do not
    x = torch.arange(16.0, device=device)
    y = torch.zeros_like(x)
    try:
        _triton.double_kernel[(1,)](x, y, SIZE=16)
        return torch.equal(y, 2 * x)
    except Exception:  # noqa: BLE001 - whatever it is, plain PyTorch does the same
        return False


def has_kernel(query: Tensor) -> bool:
    """Whether the kernel takes such queries, (..., D)."""
    return (
        triton_works(query.device)
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] in (16, 32, 64, 128)
        and _fitting.get((query.device, query.shape[-1]), 0) < len(_BLOCKINGS)
    )


def attend_image(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grid: Grid,
    window: Grid,
    offset: Offset,
    text: Text | None = None,
) -> Tensor:
    """Attend from every token of an image.

    Args:
        query, key, value: (B, rows*cols, heads, D); B is 1 with text
        grid, window, offset: see ``neighborhood_patch_attention``
        text: comes before the windows' keys

    Returns:
        (B, rows*cols, heads, D).

    Raises:
        KernelTooLarge: see there.
    """
    out = torch.empty_like(query, memory_format=torch.contiguous_format)
    table = _image_tiles(grid, window, offset, query.device)
    _launch(query, key, value, out, table, grid, window, text)
    return out


def attend_text(
    key: Tensor, value: Tensor, grid: Grid, window: Grid, offset: Offset, text: Text
) -> Tensor:
    """Attend from the text of every patch to itself and the patch's window.

    Args:
        key, value: (1, rows*cols, heads, D) of the image

    Returns:
        (patches, T, heads, D).

    Raises:
        KernelTooLarge: see there.
    """
    patches, words = text.query.shape[:2]
    query = text.query.flatten(0, 1)[None]
    out = torch.empty_like(query)
    table = _text_tiles(grid, window, offset, words, query.device)
    _launch(query, key, value, out, table, grid, window, text)
    return out[0].unflatten(0, (patches, words))


@lru_cache(maxsize=16)
def window_tokens(grid: Grid, window: Grid, offset: Offset, device: torch.device) -> Tensor:
    """(patches,) the first token of each patch's window."""
    rows, cols = _axes(grid, window, offset)
    firsts = torch.tensor([_token(r, c, grid) for r in rows for c in cols])
    return _to_device(firsts, device)


def _axes(grid: Grid, window: Grid, offset: Offset) -> tuple[tuple[Patch, ...], tuple[Patch, ...]]:
    return (
        axis_patches(grid.rows, window.rows, offset.row),
        axis_patches(grid.cols, window.cols, offset.col),
    )


@lru_cache(maxsize=16)
def _image_tiles(grid: Grid, window: Grid, offset: Offset, device: torch.device) -> Tensor:
    """Some queries of a patch each: see the kernel for the columns."""
    rows, cols = _axes(grid, window, offset)
    tiles: list[tuple[int, ...]] = []
    for patch, (r, c) in enumerate((r, c) for r in rows for c in cols):
        count = (r.stop - r.start) * (c.stop - c.start)
        first, first_key = r.start * grid.cols + c.start, _token(r, c, grid)
        tiles += [
            (first, c.stop - c.start, grid.cols, begin, count, first_key, patch, 0)
            for begin in range(0, count, _QUERIES)
        ]
    return _upload(tiles, device)


@lru_cache(maxsize=16)
def _text_tiles(
    grid: Grid, window: Grid, offset: Offset, words: int, device: torch.device
) -> Tensor:
    rows, cols = _axes(grid, window, offset)
    tiles = [
        (patch * words, words, words, begin, words, _token(r, c, grid), patch, 0)
        for patch, (r, c) in enumerate((r, c) for r in rows for c in cols)
        for begin in range(0, words, _QUERIES)
    ]
    return _upload(tiles, device)


def _token(row: Patch, col: Patch, grid: Grid) -> int:
    return row.window_start * grid.cols + col.window_start


def _upload(tiles: list[tuple[int, ...]], device: torch.device) -> Tensor:
    return _to_device(torch.tensor(tiles, dtype=torch.int32), device)


def _to_device(table: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":  # pinned, so that the host does not wait
        return table.pin_memory().to(device, non_blocking=True)
    return table


def _launch(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    table: Tensor,
    grid: Grid,
    window: Grid,
    text: Text | None,
) -> None:
    depth = query.shape[-1]
    place = (query.device, depth)
    for index in range(_fitting.get(place, 0), len(_BLOCKINGS)):
        try:
            _launch_cut(query, key, value, out, table, grid, window, text, _BLOCKINGS[index])
        except _triton.OutOfResources:
            continue
        _fitting[place] = index
        return
    _fitting[place] = len(_BLOCKINGS)
    raise KernelTooLarge


def _launch_cut(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    table: Tensor,
    grid: Grid,
    window: Grid,
    text: Text | None,
    blocking: Blocking,
) -> None:
    batch, _, heads, depth = query.shape
    keys = Grid(min(window.rows, grid.rows), min(window.cols, grid.cols))
    text_key, text_value = (key[:, :, None], value[0]) if text is None else (text.key, text.value)
    _triton.attention_kernel[(len(table), batch * heads)](
        query,
        key,
        value,
        out,
        table,
        text_key,
        text_value,
        *query.stride()[:3],
        *key.stride()[:3],
        *value.stride()[:3],
        *out.stride()[:3],
        *text_key.stride()[:3],
        *text_value.stride()[:2],
        heads,
        grid.cols,
        math.log2(math.e) / math.sqrt(depth),
        WORDS=0 if text is None else text.key.shape[1],
        WINDOW_COLS=keys.cols,
        WINDOW_KEYS=keys.cells,
        DEPTH=depth,
        QUERIES=_QUERIES,
        KEYS=blocking.keys,
        num_warps=blocking.warps,
        num_stages=blocking.stages,
    )
