"""Neighborhood Patch Attention as an operator that compilers leave alone.

The tiling moves at every step and cuts patches of other sizes each time. A compiler that looked
inside would compile again at every step; as an opaque operator the attention runs as it stands
between two compiled halves of a layer. An operator takes tensors and numbers only, so each layer
names its tiling by a number.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method.npa import (
    joint_neighborhood_patch_attention,
    neighborhood_patch_attention,
)
from scalediff_engine.models.model import Tiling

_numbers = itertools.count()


@dataclass(frozen=True)
class LayerTiling:
    """What attention layers of one resolution need to know.

    Attributes:
        tiling: of the model, in latents
        grid: rows x cols of this resolution's tokens
        window: rows x cols of keys that one patch sees
        halvings: how often the latent was halved on the way to this resolution
    """

    tiling: Tiling
    grid: Grid
    window: Grid
    halvings: int

    @property
    def offset(self) -> Offset:
        """Where the tiling starts, in this resolution's tokens."""
        row, col = self.tiling.offset
        return Offset(row >> self.halvings, col >> self.halvings)


_layers: dict[int, LayerTiling] = {}


def new_number() -> int:
    """Give a number that no other group of layers has."""
    return next(_numbers)


def layer_of(number: int) -> LayerTiling:
    """Give the tiling behind a number, while its context is open."""
    return _layers[number]


@contextmanager
def numbered(layers: dict[int, LayerTiling]) -> Generator[None]:
    """Let the operators find these tilings by their numbers while the context is open."""
    _layers.update(layers)
    try:
        yield
    finally:
        for number in layers:
            _layers.pop(number, None)


@torch.library.custom_op("scalediff::neighborhood_attention", mutates_args=())
def neighborhood_attention(
    query: Tensor, key: Tensor, value: Tensor, heads: int, number: int
) -> Tensor:
    """Attend within neighborhoods.

    Args:
        query, key, value: (B, rows*cols, heads*D)
        heads: attention heads
        number: of the layer's tiling

    Returns:
        (B, rows*cols, heads*D).
    """
    layer = _layers[number]
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (query, key, value))
    out = neighborhood_patch_attention(
        q,
        k,
        v,
        grid=layer.grid,
        window=layer.window,
        offset=layer.offset,
        window_bytes=layer.tiling.window_bytes,
    )
    return out.transpose(1, 2).flatten(2)


@neighborhood_attention.register_fake
def _(query: Tensor, key: Tensor, value: Tensor, heads: int, number: int) -> Tensor:  # pyright: ignore[reportUnusedFunction]
    return query.new_empty(query.shape)


@torch.library.custom_op("scalediff::joint_neighborhood_attention", mutates_args=())
def joint_neighborhood_attention(
    image: list[Tensor], text: list[Tensor], displacement: list[Tensor], number: int
) -> tuple[Tensor, Tensor]:
    """Attend jointly over text and the neighborhoods of an image.

    Args:
        image: query and key, rotated, and value: (B, rows*cols, heads, D) each
        text: query and key, rotated as at the native size, and value: (B, T, heads, D) each
        displacement: cos and sin, (rows*cols, D) each; see ``method.npa``
        number: of the tiling

    Returns:
        (B, rows*cols, heads, D) of the image; (B, T, heads, D) of the text.
    """
    layer = _layers[number]
    query, key, value = (t.transpose(1, 2) for t in image)
    text_query, text_key, text_value = (t.transpose(1, 2) for t in text)
    out, text_out = joint_neighborhood_patch_attention(
        query,
        key,
        value,
        text_query=text_query,
        text_key=text_key,
        text_value=text_value,
        displacement=(displacement[0], displacement[1]),
        grid=layer.grid,
        window=layer.window,
        offset=layer.offset,
        window_bytes=layer.tiling.window_bytes,
    )
    return out.transpose(1, 2).contiguous(), text_out.transpose(1, 2).contiguous()


@joint_neighborhood_attention.register_fake
def _(  # pyright: ignore[reportUnusedFunction]
    image: list[Tensor], text: list[Tensor], displacement: list[Tensor], number: int
) -> tuple[Tensor, Tensor]:
    return image[0].new_empty(image[0].shape), text[0].new_empty(text[0].shape)
