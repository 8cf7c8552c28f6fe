"""FLUX's layers by the names of its first publication and by those of diffusers."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_OUTSIDE = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": "norm_out.linear",
}
_DOUBLE = {
    "img_mod.lin": ("norm1.linear",),
    "txt_mod.lin": ("norm1_context.linear",),
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "img_attn.norm.query_norm": ("attn.norm_q",),
    "img_attn.norm.key_norm": ("attn.norm_k",),
    "txt_attn.norm.query_norm": ("attn.norm_added_q",),
    "txt_attn.norm.key_norm": ("attn.norm_added_k",),
    "img_attn.proj": ("attn.to_out.0",),
    "txt_attn.proj": ("attn.to_add_out",),
    "img_mlp.0": ("ff.net.0.proj",),
    "img_mlp.2": ("ff.net.2",),
    "txt_mlp.0": ("ff_context.net.0.proj",),
    "txt_mlp.2": ("ff_context.net.2",),
}
_SINGLE = {
    "modulation.lin": ("norm.linear",),
    "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
    "linear2": ("proj_out",),
    "norm.query_norm": ("attn.norm_q",),
    "norm.key_norm": ("attn.norm_k",),
}
# Published as shift and scale, in diffusers (``norm_out.linear``) as scale and shift.
SHIFT_FIRST = "final_layer.adaLN_modulation.1"
_BLOCK = re.compile(r"^(double|single)_blocks\.(\d+)\.(.+)$")


def diffusers_modules(module: str) -> tuple[str, ...]:
    """Give diffusers' names of a layer that was published as ``module``; none = unknown.

    Several where one layer became several: they take its rows in this order.
    """
    if module in _OUTSIDE:
        return (_OUTSIDE[module],)
    match = _BLOCK.match(module)
    if match is None:
        return ()
    kind, index, inside = match.groups()
    table, blocks = (
        (_DOUBLE, "transformer_blocks")
        if kind == "double"
        else (_SINGLE, "single_transformer_blocks")
    )
    return tuple(f"{blocks}.{index}.{name}" for name in table.get(inside, ()))


def published_modules(double_blocks: int, single_blocks: int) -> dict[str, tuple[str, ...]]:
    """Give every layer of a transformer with these blocks: published name to diffusers' names."""
    names = [
        *_OUTSIDE,
        *(f"double_blocks.{i}.{name}" for i in range(double_blocks) for name in _DOUBLE),
        *(f"single_blocks.{i}.{name}" for i in range(single_blocks) for name in _SINGLE),
    ]
    return {name: diffusers_modules(name) for name in names}


def to_diffusers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights as diffusers has them; those that it knows already stay as they are."""
    renamed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        module, _, leaf = name.rpartition(".")
        targets = diffusers_modules(module)
        if not targets:
            renamed[name] = weight
            continue
        if module == SHIFT_FIRST:
            weight = scale_first(weight)
        leaf = "weight" if leaf == "scale" else leaf
        for target, rows in zip(targets, _rows(weight, targets, weights), strict=True):
            renamed[f"{target}.{leaf}"] = rows
    return renamed


def scale_first(rows: Tensor) -> Tensor:
    """Give rows of shift and scale, as they were published, in diffusers' order.

    Args:
        rows: (2 * width, ...)
    """
    shift, scale = rows.chunk(2)
    return torch.cat([scale, shift])


def _rows(
    weight: Tensor, targets: tuple[str, ...], weights: Mapping[str, Tensor]
) -> tuple[Tensor, ...]:
    """The rows of ``weight`` for each target: equal shares, and the feed-forward layer the rest."""
    if not targets[-1].endswith("proj_mlp"):
        return weight.chunk(len(targets))
    width = weights["img_in.weight"].shape[0]
    return weight.split([width, width, width, weight.shape[0] - 3 * width])
