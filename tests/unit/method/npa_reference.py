"""A reference for Neighborhood Patch Attention that shares nothing with the program.

It masks plain attention over the whole grid, token by token: for every query it works out, from
the page's rule alone, which keys that query may see.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset


def visible(position: int, length: int, window: int, offset: int) -> range:
    """The keys that the query at ``position`` of an axis may see."""
    if length <= window:
        return range(length)
    half = window // 2
    patch_start = math.floor((position - offset) / half) * half + offset
    start = patch_start - math.ceil(half / 2 if window % 2 else window // 4)
    if start > length - window:
        start = length - window
    if start < 0:
        start = 0
    return range(start, start + window)


def mask_of(grid: Grid, window: Grid, offset: Offset) -> Tensor:
    """(rows*cols, rows*cols) bool: may this query see that key?"""
    mask = torch.zeros(grid.cells, grid.cells, dtype=torch.bool)
    for row in range(grid.rows):
        seen_rows = visible(row, grid.rows, window.rows, offset.row)
        for col in range(grid.cols):
            for key_row in seen_rows:
                for key_col in visible(col, grid.cols, window.cols, offset.col):
                    mask[row * grid.cols + col, key_row * grid.cols + key_col] = True
    return mask


def masked_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Attention in float64, written out: softmax of the allowed scores."""
    scores = query.double() @ key.double().transpose(-1, -2) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, dim=-1) @ value.double()


def tokens(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def rotary_table(grid: Grid, depth: int) -> tuple[Tensor, Tensor]:
    """cos and sin, (rows*cols, depth): half of the pairs turn with the row, half by the column."""
    pairs = depth // 4
    speed = 0.7 ** torch.arange(pairs)
    row = torch.arange(grid.rows)[:, None, None] * speed
    col = torch.arange(grid.cols)[None, :, None] * speed
    angle = torch.cat([row.expand(*grid, pairs), col.expand(*grid, pairs)], dim=-1)
    angle = angle.reshape(grid.cells, 2 * pairs).repeat_interleave(2, dim=-1)
    return angle.cos(), angle.sin()


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate channel pairs as complex numbers (another way than the code's)."""
    z = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    angle = torch.complex(cos[..., ::2].double(), sin[..., ::2].double())
    return torch.view_as_real(z * angle).flatten(-2)


def joint_reference(
    image: tuple[Tensor, Tensor, Tensor],
    text: tuple[Tensor, Tensor, Tensor],
    rotary: tuple[Tensor, Tensor],
    grid: Grid,
    window: Grid,
    offset: Offset,
) -> tuple[Tensor, Tensor]:
    """Every image query by itself, and the text once a patch."""
    cos, sin = rotary
    query, key, value = (t.double() for t in image)
    text_query, text_key, text_value = text
    out, text_outs, done = torch.empty_like(query), [], set()
    for row in range(grid.rows):
        for col in range(grid.cols):
            rows = visible(row, grid.rows, window.rows, offset.row)
            cols = visible(col, grid.cols, window.cols, offset.col)
            keys = [r * grid.cols + c for r in rows for c in cols]
            at = rows[0] * grid.cols + cols[0]
            all_keys = torch.cat([turned(text_key, cos[at], sin[at]), key[:, :, keys]], dim=2)
            all_values = torch.cat([text_value.double(), value[:, :, keys]], dim=2)

            def attend(q: Tensor, k: Tensor = all_keys, v: Tensor = all_values) -> Tensor:
                return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v

            token = row * grid.cols + col
            out[:, :, token] = attend(query[:, :, token : token + 1])[:, :, 0]
            patch = (rows[0], cols[0])  # patches that share a window count as one
            if patch not in done:
                done.add(patch)
                text_outs.append(attend(turned(text_query, cos[at], sin[at])))
    return out, torch.stack(text_outs).mean(0)
