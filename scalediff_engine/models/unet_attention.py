"""Where Neighborhood Patch Attention attaches in diffusers' U-Nets."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from diffusers import UNet2DConditionModel
from torch import Tensor

from scalediff_engine.geometry import Grid, Offset
from scalediff_engine.method.npa import neighborhood_patch_attention
from scalediff_engine.models.model import Tiling


class Processor(Protocol):
    """What diffusers calls for each attention layer; its own union of classes is not callable."""

    def __call__(
        self,
        attn: Any,  # noqa: ANN401 - diffusers' Attention, whose layers are optional in its types
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """(B, tokens, C) to the same."""
        ...


_BLOCK = re.compile(r"^(down_blocks|mid_block|up_blocks)(?:\.(\d+))?\.")


@contextmanager
def neighborhood_attention(
    unet: UNet2DConditionModel, *, native: Grid, grid: Grid
) -> Generator[Tiling]:
    """Let the U-Net's self-attention see native-size windows while the context is open.

    Args:
        unet: any U-Net of diffusers' conditional class
        native: latents that the model was trained at
        grid: latents of the picture at hand

    Yields:
        The tiling, whose offset may be moved between evaluations. Afterwards, also after an
        error, the processors that were there before are back.
    """
    originals: dict[str, Any] = dict(unet.attn_processors)
    tiling = Tiling()
    levels = len(unet.config["down_block_types"])
    attached: dict[str, Any] = {
        name: _NeighborhoodProcessor(original, tiling, native, grid, halvings(name, levels))
        if name.endswith("attn1.processor")
        else original
        for name, original in originals.items()
    }
    unet.set_attn_processor(attached)
    try:
        yield tiling
    finally:
        # set_attn_processor empties the dictionary that it is given
        unet.set_attn_processor(dict(originals))


def halvings(name: str, levels: int) -> int:
    """How often the latent was halved where the module ``name`` sits in a U-Net of ``levels``."""
    match = _BLOCK.match(name)
    if match is None:
        raise ValueError(f"{name} is in no block of a U-Net.")
    place, index = match.groups()
    if place == "mid_block":
        return levels - 1
    return int(index) if place == "down_blocks" else levels - 1 - int(index)


class _NeighborhoodProcessor:
    """diffusers' self-attention with NPA in its middle; plain where the grid fits the window."""

    def __init__(
        self,
        original: Processor,
        tiling: Tiling,
        native: Grid,
        grid: Grid,
        level: int,
    ) -> None:
        self._original = original
        self._tiling = tiling
        self._window = native.halved(level)
        self._grid = grid.halved(level)
        self._level = level

    def __call__(
        self,
        attn: Any,  # noqa: ANN401
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """(B, rows*cols, C) to the same."""
        # U-Nets with ``only_cross_attention`` have attn1 look at the words: not ours to change
        if encoder_hidden_states is not None or self._grid.fits_in(self._window):
            return self._original(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        query, key, value = (
            project(hidden_states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for project in (attn.to_q, attn.to_k, attn.to_v)
        )  # (B, heads, rows*cols, D)
        row, col = self._tiling.offset
        out = neighborhood_patch_attention(
            query,
            key,
            value,
            grid=self._grid,
            window=self._window,
            offset=Offset(row >> self._level, col >> self._level),
        )
        out = attn.to_out[0](out.transpose(1, 2).flatten(2))  # (B, rows*cols, C)
        return attn.to_out[1](out)
