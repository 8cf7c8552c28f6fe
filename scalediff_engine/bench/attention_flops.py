"""Teach PyTorch's FLOP counter what the attention operators of this project do."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry, register_flop_formula

from scalediff_engine.models.attention_op import layer_of


def count_attention() -> None:
    """Register both operators, once."""
    operators: Any = torch.ops.scalediff
    formulas: dict[Any, Any] = {
        operators.neighborhood_attention: _attention_flop,
        operators.joint_neighborhood_attention: _joint_attention_flop,
    }
    for operator, formula in formulas.items():
        if operator not in flop_registry:
            register_flop_formula(operator, get_raw=True)(formula)


def _attention_flop(
    query: Tensor, key: Tensor, value: Tensor, heads: int, number: int, **_: object
) -> int:
    keys = min(layer_of(number).window.cells, query.shape[1])
    return 4 * query.numel() * keys


def _joint_attention_flop(
    image: list[Tensor], text: list[Tensor], rotary: list[Tensor], number: int, **_: object
) -> int:
    layer = layer_of(number)
    words = text[0].shape[1]
    patches = layer.grid.cells / (layer.window.cells / 4)
    channels = image[0].shape[2] * image[0].shape[3]
    queries = image[0].shape[1] + patches * words
    return int(4 * queries * (layer.window.cells + words) * channels)
