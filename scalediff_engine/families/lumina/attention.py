"""Where Neighborhood Patch Attention attaches in diffusers' Lumina-Next transformer."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from diffusers import LuminaNextDiT2DModel
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method.patches import axis_patches
from scalediff_engine.models import attention_op
from scalediff_engine.models.attention_op import LayerTiling
from scalediff_engine.models.model import Tiling

# The network embeds 2x2 latents as one token.
_HALVINGS = 1

# A model keeps its number: code that was compiled for one stage serves the next.
_numbers: WeakKeyDictionary[LuminaNextDiT2DModel, int] = WeakKeyDictionary()


@contextmanager
def neighborhood_attention(
    transformer: LuminaNextDiT2DModel, *, native: Grid, grid: Grid
) -> Generator[Tiling]:
    """Let the transformer's image tokens see native-size windows while the context is open.

    In cross-attention the keys of the text have no position, and the queries of the image have
    that of their token: the network has learned where in a picture a word applies. Beyond the
    native size each query takes its position within the window of its patch instead. This is what
    joint attention does with text that is rotated to its window (`method.npa`), seen from the
    other side.

    Args:
        transformer: each block attends over the image, and over the text
        native: latents that the model was trained at
        grid: latents of the picture at hand

    Yields:
        The tiling, whose offset may be moved between evaluations. Afterwards, also after an
        error, the processors that were there before are back.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1; positions in cross-attention are ours.
    """
    tokens, window = grid.halved(_HALVINGS), native.halved(_HALVINGS)
    tiling = Tiling()
    if tokens.is_native(window):  # the unmodified model, bit for bit
        yield tiling
        return
    number = _numbers.setdefault(transformer, attention_op.new_number())
    layers: Any = transformer.layers
    originals = [(layer.attn1.processor, layer.attn2.processor) for layer in layers]
    for layer in layers:
        layer.attn1.set_processor(_NeighborhoodProcessor(number, tokens, window))
        layer.attn2.set_processor(_TextProcessor(number, layer.attn2.processor))
    try:
        with attention_op.numbered({number: LayerTiling(tiling, tokens, window, _HALVINGS)}):
            yield tiling
    finally:
        for layer, (of_image, of_text) in zip(layers, originals, strict=True):
            layer.attn1.set_processor(of_image)
            layer.attn2.set_processor(of_text)


def has_windows(transformer: LuminaNextDiT2DModel) -> bool:
    """Whether the context of ``neighborhood_attention`` is open, with windows in it."""
    layers: Any = transformer.layers
    return isinstance(layers[0].attn1.processor, _NeighborhoodProcessor)


class _NeighborhoodProcessor:
    """diffusers' self-attention with NPA in its middle.

    Args:
        number: of the tiling
        grid: rows x cols of tokens
        window: rows x cols of keys that one patch sees
    """

    def __init__(self, number: int, grid: Grid, window: Grid) -> None:
        self._number = number
        self._keys = min(grid.rows, window.rows) * min(grid.cols, window.cols)

    def __call__(
        self,
        attn: Any,  # noqa: ANN401 - diffusers' Attention, whose layers are optional
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        query_rotary_emb: Tensor | None = None,
        key_rotary_emb: Tensor | None = None,
        base_sequence_length: int | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            attn: the layer
            hidden_states: (B, N, C) image
            encoder_hidden_states: the same
            attention_mask: every token of the image is seen
            query_rotary_emb, key_rotary_emb: (1, N, D/2) complex
            base_sequence_length: keys for which queries have their usual length; see
                ``proportional_scale``

        Returns:
            (B, N, heads, D).
        """
        query, key, value = (
            project(hidden_states) for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        depth = query.shape[-1] // attn.heads
        query, key = (
            t if norm is None else norm(t) for t, norm in ((query, attn.norm_q), (key, attn.norm_k))
        )
        query, key, value = (t.unflatten(-1, (-1, depth)) for t in (query, key, value))
        query, key = _rotated(query, query_rotary_emb), _rotated(key, key_rotary_emb)
        if base_sequence_length is not None:
            query = query * proportional_scale(self._keys, base_sequence_length)
        shared_by = attn.heads // key.shape[2]  # query heads to a head of keys
        key, value = (t.repeat_interleave(shared_by, dim=2) for t in (key, value))
        out = attention_op.neighborhood_attention(
            *(t.flatten(2) for t in (query, key, value)), attn.heads, self._number
        )
        return out.unflatten(-1, (attn.heads, -1))


class _TextProcessor:
    """diffusers' cross-attention, with positions within windows.

    Args:
        number: of the tiling
        original: diffusers' processor
    """

    def __init__(self, number: int, original: Any) -> None:  # noqa: ANN401
        self._number = number
        self._original = original

    def __call__(
        self,
        attn: Any,  # noqa: ANN401
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        query_rotary_emb: Tensor | None = None,
        key_rotary_emb: Tensor | None = None,
        base_sequence_length: int | None = None,
    ) -> Tensor:
        """Attend; see ``_NeighborhoodProcessor``, with (B, T, C) text and its mask (B, T)."""
        assert query_rotary_emb is not None  # Lumina-Next has no other sense of place
        return self._original(
            attn,
            hidden_states,
            encoder_hidden_states,
            attention_mask=attention_mask,
            query_rotary_emb=rotary_in_window(query_rotary_emb, self._number),
            key_rotary_emb=key_rotary_emb,
            base_sequence_length=base_sequence_length,
        )


def proportional_scale(keys: int, base_keys: int) -> float:
    """Return how much longer queries are made for attention over so many keys.

    More keys than in training spread the attention thinner; this keeps its entropy. The keys that
    count are those of a window: with windows of the native size this is 1.

    Source: Jin et al. 2023 (arXiv 2306.08645), as diffusers' pipeline does it.
    """
    return math.sqrt(math.log(keys, base_keys))


@torch.library.custom_op("scalediff::lumina_rotary_in_window", mutates_args=())
def rotary_in_window(rotary: Tensor, number: int) -> Tensor:
    """Return for each token the rotation of its place within the window of its patch.

    An operator, as the tiling moves at every step: see ``models.attention_op``.

    Args:
        rotary: (1, rows*cols, D/2) complex, of the grid, whose first token is at the origin
        number: of the tiling

    Returns:
        (1, rows*cols, D/2).
    """
    layer = attention_op.layer_of(number)
    return rotary[:, _places(layer.grid, layer.window, layer.offset, rotary.device)]


@rotary_in_window.register_fake
def _(rotary: Tensor, number: int) -> Tensor:  # pyright: ignore[reportUnusedFunction]
    return rotary.new_empty(rotary.shape)


@lru_cache(maxsize=2)
def _places(grid: Grid, window: Grid, offset: Offset, device: torch.device) -> Tensor:
    """(rows*cols,) the token at the origin's window that has the place of each token in its own."""
    rows, cols = (
        torch.tensor(
            [
                position - patch.window_start
                for patch in axis_patches(length, size, shift)
                for position in range(patch.start, patch.stop)
            ]
        )
        for length, size, shift in zip(grid, window, offset, strict=True)
    )
    return (rows[:, None] * grid.cols + cols).flatten().to(device)


def _rotated(x: Tensor, rotary: Tensor | None) -> Tensor:
    if rotary is None:
        return x
    rotated: Any = apply_rotary_emb(x, rotary, use_real=False)  # its types say a pair
    return rotated
