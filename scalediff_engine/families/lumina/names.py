"""Tensor names of Lumina-Next as its authors published it, to diffusers' names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_BLOCK = re.compile(r"(layers\.\d+\.)(.+)")
_MODULES = {
    "x_embedder": ("patch_embedder.proj",),
    "t_embedder.mlp.0": ("time_caption_embed.timestep_embedder.linear_1",),
    "t_embedder.mlp.2": ("time_caption_embed.timestep_embedder.linear_2",),
    "cap_embedder.0": ("time_caption_embed.caption_embedder.0",),
    "cap_embedder.1": ("time_caption_embed.caption_embedder.1",),
    "final_layer.adaLN_modulation.1": ("norm_out.linear_1",),
    "final_layer.linear": ("norm_out.linear_2",),
}
# The queries are the same for the image and the text; diffusers has them twice.
_BLOCK_MODULES = {
    "adaLN_modulation.1": ("norm1.linear",),
    "attention.wq": ("attn1.to_q", "attn2.to_q"),
    "attention.q_norm": ("attn1.norm_q", "attn2.norm_q"),
    "attention.wk": ("attn1.to_k",),
    "attention.k_norm": ("attn1.norm_k",),
    "attention.wv": ("attn1.to_v",),
    "attention.wk_y": ("attn2.to_k",),
    "attention.ky_norm": ("attn2.norm_k",),
    "attention.wv_y": ("attn2.to_v",),
    "attention.wo": ("attn2.to_out.0",),
    "attention_norm1": ("norm1.norm",),
    "attention_norm2": ("norm2",),
    "attention_y_norm": ("norm1_context",),
    "feed_forward.w1": ("feed_forward.linear_1",),
    "feed_forward.w2": ("feed_forward.linear_2",),
    "feed_forward.w3": ("feed_forward.linear_3",),
}


def to_diffusers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights as diffusers has them; those that have its names stay as they are."""
    return {new: weight for name, weight in weights.items() for new in _renamed(name)}


def _renamed(name: str) -> tuple[str, ...]:
    in_block = _BLOCK.fullmatch(name)
    start, rest = in_block.groups() if in_block else ("", name)
    if rest == "attention.gate":
        return (f"{start}gate",)
    module, _, kind = rest.rpartition(".")
    modules = (_BLOCK_MODULES if in_block else _MODULES).get(module, (module,))
    return tuple(f"{start}{new}.{kind}" if new else name for new in modules)
