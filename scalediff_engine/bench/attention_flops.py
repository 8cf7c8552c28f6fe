"""Teach PyTorch's FLOP counter what the attention operators of this project do."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry, register_flop_formula

from scalediff_engine.method.patches import axis_patches
from scalediff_engine.models.attention_op import LayerTiling, layer_of


def count_attention() -> None:
    """Register both operators, once; and plain attention where PyTorch counts it as nothing."""
    operators: Any = torch.ops.scalediff
    aten: Any = torch.ops.aten
    formulas: dict[Any, Any] = {
        operators.neighborhood_attention: _attention_flop,
        operators.joint_neighborhood_attention: _joint_attention_flop,
        aten._scaled_dot_product_flash_attention_for_cpu: _plain_attention_flop,
        aten._scaled_dot_product_attention_math_for_mps: _plain_attention_flop,
    }
    for operator, formula in formulas.items():
        if operator not in flop_registry:
            register_flop_formula(operator, get_raw=True)(formula)


def _attention_flop(
    query: Tensor, key: Tensor, value: Tensor, heads: int, number: int, **_: object
) -> int:
    return 4 * query.numel() * _keys(layer_of(number))


def _joint_attention_flop(
    image: list[Tensor], text: list[Tensor], displacement: list[Tensor], number: int, **_: object
) -> int:
    layer = layer_of(number)
    words = text[0].shape[1]
    patches = math.prod(map(len, map(axis_patches, layer.grid, layer.window, layer.offset)))
    batch, tokens, heads, dim = image[0].shape
    return 4 * batch * (tokens + patches * words) * (_keys(layer) + words) * heads * dim


def _keys(layer: LayerTiling) -> int:
    """Keys of a window, which is no larger than the grid."""
    return math.prod(map(min, layer.window, layer.grid))


def _plain_attention_flop(query: Tensor, key: Tensor, *_: object, **__: object) -> int:
    """See ``scaled_dot_product_attention``: (B, heads, N, D) and (B, heads, M, D)."""
    return 4 * query.numel() * key.shape[-2]
