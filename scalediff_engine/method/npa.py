"""Neighborhood Patch Attention: every query patch attends to the native-size window around it.

Source: ScaleDiff (arXiv 2510.25818), section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from scalediff_engine.geometry import Grid, Offset
from scalediff_engine.method.patches import PatchRun, axis_patches, runs_of_equal_size

NO_OFFSET = Offset(0, 0)


def neighborhood_patch_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    grid: Grid,
    window: Grid,
    offset: Offset = NO_OFFSET,
) -> Tensor:
    """Let every query patch attend to the window of keys around it.

    Args:
        query: (B, heads, rows*cols, D), tokens row-major over ``grid``
        key, value: as ``query``
        grid: rows x cols of tokens
        window: rows x cols of keys that one patch sees; a patch is half of it per side
        offset: where the tiling starts, in tokens (jitter)

    Returns:
        (B, heads, rows*cols, D), in the order of ``query``. A grid no larger than the window is
        plain attention.

    Raises:
        ValueError: the window has an odd side, or the tokens do not fill the grid.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1; ragged patches and the offset are ours.
    """
    _check_tokens(query, grid)
    if grid.fits_in(window):
        return scaled_dot_product_attention(query, key, value)
    query, key, value = (_as_grid(t, grid) for t in (query, key, value))
    out = torch.empty_like(query, memory_format=torch.contiguous_format)
    for block in _blocks(grid, window, offset):
        q = _patches(query, block)  # (B*n, heads, p*p', D)
        k, v = (_windows(t, block, window) for t in (key, value))  # (B*n, heads, w*w', D)
        _put(out, scaled_dot_product_attention(q, k, v), block)
    return out.flatten(2, 3)


def joint_neighborhood_patch_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    text_query: Tensor,
    text_key: Tensor,
    text_value: Tensor,
    rotary: tuple[Tensor, Tensor],
    grid: Grid,
    window: Grid,
    offset: Offset = NO_OFFSET,
) -> tuple[Tensor, Tensor]:
    """Attend jointly over text and image, each image patch to the text and its own window.

    Image tokens carry rotary positions of the full grid already. Text tokens are rotated here,
    per patch, to the position of the first token of the patch's window, so that text and image
    stand as they do at the native size.

    Args:
        query, key, value: (B, heads, rows*cols, D) image tokens, query and key rotated
        text_query, text_key, text_value: (B, heads, T, D), not rotated
        rotary: cos and sin, (rows*cols, D) each, for interleaved pairs of channels
        grid: rows x cols of image tokens
        window: rows x cols of image keys that one patch sees
        offset: where the tiling starts, in tokens

    Returns:
        (B, heads, rows*cols, D) image tokens; (B, heads, T, D) text tokens, averaged over patches.

    Raises:
        ValueError: the window has an odd side, or the tokens do not fill the grid.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1, for FLUX's double and single blocks.
    """
    _check_tokens(query, grid)
    batch = query.shape[0]
    text_length = text_query.shape[2]
    window = Grid(min(window.rows, grid.rows), min(window.cols, grid.cols))
    cos, sin = (t.view(grid.rows, grid.cols, -1) for t in rotary)
    query, key, value = (_as_grid(t, grid) for t in (query, key, value))
    out = torch.empty_like(query, memory_format=torch.contiguous_format)
    text_sum = torch.zeros_like(text_query, dtype=torch.float32)
    patches = 0
    for block in _blocks(grid, window, offset):
        row_starts, col_starts = (
            torch.tensor(run.window_starts, device=query.device) for run in block
        )
        n = len(row_starts) * len(col_starts)
        # (n, 1, 1, D): the position of each window's first token
        at_cos, at_sin = (
            t[row_starts[:, None], col_starts[None, :]].reshape(n, 1, 1, -1) for t in (cos, sin)
        )
        tq, tk = (
            _rotate(t.unsqueeze(1), at_cos, at_sin).flatten(0, 1)  # (B*n, heads, T, D)
            for t in (text_query, text_key)
        )
        tv = text_value.unsqueeze(1).expand(-1, n, -1, -1, -1).flatten(0, 1)
        q = torch.cat([tq, _patches(query, block)], dim=2)  # (B*n, heads, T + p*p', D)
        k = torch.cat([tk, _windows(key, block, window)], dim=2)
        v = torch.cat([tv, _windows(value, block, window)], dim=2)
        attended = scaled_dot_product_attention(q, k, v)
        text_sum += attended[:, :, :text_length].unflatten(0, (batch, n)).sum(1)
        patches += n
        _put(out, attended[:, :, text_length:], block)
    return out.flatten(2, 3), (text_sum / patches).to(text_query.dtype)


class _Block(NamedTuple):
    """Patches of equal size: some rows of patches times some columns of patches."""

    rows: PatchRun
    cols: PatchRun


def _check_tokens(query: Tensor, grid: Grid) -> None:
    if query.shape[2] != grid.cells:
        raise ValueError(f"{query.shape[2]} tokens do not fill a grid of {grid.rows}x{grid.cols}.")


def _as_grid(tokens: Tensor, grid: Grid) -> Tensor:
    return tokens.unflatten(2, grid)  # (B, heads, rows, cols, D)


def _blocks(grid: Grid, window: Grid, offset: Offset) -> Iterator[_Block]:
    row_runs, col_runs = (
        runs_of_equal_size(axis_patches(length, size, shift))
        for length, size, shift in zip(grid, window, offset, strict=True)
    )
    for rows in row_runs:
        for cols in col_runs:
            yield _Block(rows, cols)


def _patches(tokens: Tensor, block: _Block) -> Tensor:
    """(B, heads, rows, cols, D) to the block's patches as a batch: (B*n, heads, p*p', D)."""
    rows, cols = block
    x = tokens[:, :, rows.start : rows.stop, cols.start : cols.stop]
    x = x.unflatten(3, (-1, cols.size)).unflatten(2, (-1, rows.size))  # (B, heads, m, p, n, p', D)
    return x.permute(0, 2, 4, 1, 3, 5, 6).flatten(4, 5).flatten(0, 2)


def _windows(tokens: Tensor, block: _Block, window: Grid) -> Tensor:
    """(B, heads, rows, cols, D) to the patches' windows as a batch: (B*n, heads, w*w', D)."""
    _batch, heads, rows, cols, depth = tokens.shape
    size = Grid(min(window.rows, rows), min(window.cols, cols))
    row_index, col_index = (
        torch.tensor(run.window_starts, device=tokens.device)[:, None]
        + torch.arange(length, device=tokens.device)
        for run, length in zip(block, size, strict=True)
    )
    x = tokens.permute(0, 2, 3, 1, 4)  # (B, rows, cols, heads, D)
    x = x[:, row_index[:, None, :, None], col_index[None, :, None, :]]  # (B, m, n, w, w', heads, D)
    return x.permute(0, 1, 2, 5, 3, 4, 6).reshape(-1, heads, size.cells, depth)


def _put(out: Tensor, attended: Tensor, block: _Block) -> None:
    """Write (B*n, heads, p*p', D) into the block's place in (B, heads, rows, cols, D)."""
    rows, cols = block
    m, n = len(rows.window_starts), len(cols.window_starts)
    x = attended.unflatten(2, (rows.size, cols.size)).unflatten(0, (-1, m, n))
    x = x.permute(0, 3, 1, 4, 2, 5, 6).flatten(4, 5).flatten(2, 3)  # (B, heads, m*p, n*p', D)
    out[:, :, rows.start : rows.stop, cols.start : cols.stop] = x


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate interleaved channel pairs by the angles of ``cos`` and ``sin``, in float32."""
    pairs = x.float().unflatten(-1, (-1, 2))
    turned = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
    return (x.float() * cos + turned * sin).to(x.dtype)
