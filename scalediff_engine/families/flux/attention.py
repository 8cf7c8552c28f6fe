"""Where Neighborhood Patch Attention attaches in diffusers' FLUX transformer."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from diffusers import FluxTransformer2DModel
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor

from scalediff_engine.base.geometry import Grid
from scalediff_engine.method.npa import displacement_from
from scalediff_engine.models import attention_op
from scalediff_engine.models.attention_op import LayerTiling
from scalediff_engine.models.model import Tiling

# Latents are packed 2x2 into tokens: half as many per side, like a U-Net's first halving.
_HALVINGS = 1

# A model keeps its number: code that was compiled for one stage serves the next.
_numbers: WeakKeyDictionary[FluxTransformer2DModel, int] = WeakKeyDictionary()


@contextmanager
def neighborhood_attention(
    transformer: FluxTransformer2DModel, *, native: Grid, grid: Grid
) -> Generator[Tiling]:
    """Let the transformer's image tokens see native-size windows while the context is open.

    Args:
        transformer: its double- and single-stream blocks attend jointly over text and image
        native: latents that the model was trained at
        grid: latents of the picture at hand

    Yields:
        The tiling, whose offset may be moved between evaluations. Afterwards, also after an
        error, the processors that were there before are back.

    Source: ScaleDiff (arXiv 2510.25818), section 3.1, for diffusion transformers.
    """
    tokens, window = grid.halved(_HALVINGS), native.halved(_HALVINGS)
    tiling = Tiling()
    if tokens.is_native(window):  # the unmodified model, bit for bit
        yield tiling
        return
    originals: dict[str, Any] = dict(transformer.attn_processors)
    number = _numbers.setdefault(transformer, attention_op.new_number())
    # diffusers' types know its own processors only
    processor: Any = _NeighborhoodProcessor(number, tokens.cells)
    attached: dict[str, Any] = dict.fromkeys(originals, processor)
    transformer.set_attn_processor(attached)
    try:
        with attention_op.numbered({number: LayerTiling(tiling, tokens, window, _HALVINGS)}):
            yield tiling
    finally:
        # set_attn_processor empties the dictionary that it is given
        transformer.set_attn_processor(dict(originals))


class _NeighborhoodProcessor:
    """diffusers' joint attention with NPA in its middle."""

    def __init__(self, number: int, image_tokens: int) -> None:
        self._number = number
        self._image_tokens = image_tokens

    def __call__(
        self,
        attn: Any,  # noqa: ANN401 - diffusers' FluxAttention, whose layers are optional
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Attend.

        Args:
            attn: the layer
            hidden_states: (B, N, C) image, or (B, T + N, C) text and image in single-stream blocks
            encoder_hidden_states: (B, T, C) text in double-stream blocks
            attention_mask: FLUX has none
            image_rotary_emb: cos and sin, (T + N, D) each, of text and image
        """
        image = _heads(attn, _project(attn, hidden_states), attn.norm_q, attn.norm_k)
        if encoder_hidden_states is None:
            words = hidden_states.shape[1] - self._image_tokens
            text = [t[:, :words] for t in image]
            image = [t[:, words:] for t in image]
        else:
            words = encoder_hidden_states.shape[1]
            projected = _project_added(attn, encoder_hidden_states)
            text = _heads(attn, projected, attn.norm_added_q, attn.norm_added_k)
        assert image_rotary_emb is not None  # FLUX has no other sense of place
        cos, sin = image_rotary_emb
        for i in range(2):
            image[i] = _rotated(image[i], cos[words:], sin[words:])
            text[i] = _rotated(text[i], cos[:words], sin[:words])
        # the native picture's first token is the first of every picture: its grid begins at 0, 0
        displacement = displacement_from((cos[words], sin[words]), (cos[words:], sin[words:]))
        out, text_out = attention_op.joint_neighborhood_attention(
            image, text, list(displacement), self._number
        )
        out, text_out = out.flatten(2), text_out.flatten(2)
        if encoder_hidden_states is None:
            return torch.cat([text_out, out], dim=1)
        return attn.to_out[1](attn.to_out[0](out)), attn.to_add_out(text_out)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    # its types forget that cos and sin come as a pair, and that a tensor goes out alone
    pair: Any = (cos, sin)
    rotated: Any = apply_rotary_emb(x, pair, sequence_dim=1)
    return rotated


def _project(attn: Any, hidden_states: Tensor) -> list[Tensor]:  # noqa: ANN401
    if attn.fused_projections:
        return list(attn.to_qkv(hidden_states).chunk(3, dim=-1))
    return [project(hidden_states) for project in (attn.to_q, attn.to_k, attn.to_v)]


def _project_added(attn: Any, text: Tensor) -> list[Tensor]:  # noqa: ANN401
    if attn.fused_projections:
        return list(attn.to_added_qkv(text).chunk(3, dim=-1))
    return [project(text) for project in (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)]


def _heads(attn: Any, projected: list[Tensor], norm_q: Any, norm_k: Any) -> list[Tensor]:  # noqa: ANN401
    """Split into (B, tokens, heads, D) and normalise queries and keys."""
    query, key, value = (t.unflatten(-1, (-1, attn.head_dim)) for t in projected)
    return [norm_q(query), norm_k(key), value]
