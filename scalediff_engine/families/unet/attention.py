"""Where Neighborhood Patch Attention attaches in diffusers' U-Nets."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from diffusers import UNet2DConditionModel
from torch import Tensor

from scalediff_engine.base.geometry import Grid
from scalediff_engine.models import attention_op
from scalediff_engine.models.attention_op import LayerTiling
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
    numbers = _numbers_of(unet, levels)
    layers = {
        number: LayerTiling(tiling, grid.halved(level), native.halved(level), level)
        for level, number in enumerate(numbers)
    }
    attached: dict[str, Any] = dict(originals)
    for name, original in originals.items():
        level = halvings(name, levels)
        if name.endswith("attn1.processor") and not grid.is_native(native):
            attached[name] = _NeighborhoodProcessor(original, numbers[level])
    unet.set_attn_processor(attached)
    try:
        with attention_op.numbered(layers):
            yield tiling
    finally:
        # set_attn_processor empties the dictionary that it is given
        unet.set_attn_processor(dict(originals))


# A model keeps its numbers: code that was compiled for one stage serves the next.
_numbers: WeakKeyDictionary[UNet2DConditionModel, list[int]] = WeakKeyDictionary()


def _numbers_of(unet: UNet2DConditionModel, levels: int) -> list[int]:
    if unet not in _numbers:
        _numbers[unet] = [attention_op.new_number() for _ in range(levels)]
    return _numbers[unet]


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
    """diffusers' self-attention with NPA in its middle."""

    def __init__(self, original: Processor, number: int) -> None:
        self._original = original
        self._number = number

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
        if encoder_hidden_states is not None:
            return self._original(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        out = attention_op.neighborhood_attention(
            attn.to_q(hidden_states),
            attn.to_k(hidden_states),
            attn.to_v(hidden_states),
            attn.heads,
            self._number,
        )
        return attn.to_out[1](attn.to_out[0](out))
