"""How several evaluations of a model become one prediction: guidance and MultiDiffusion."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Grid
from scalediff_engine.method.noise import Level


def classifier_free_guidance(
    positive: Tensor, negative: Tensor, guidance: float, level: Level
) -> Tensor:
    """Go from what the negative prompt gives towards what the prompt gives, and beyond.

    Args:
        positive, negative: the model's output for each prompt, of one shape
        guidance: the scale; 1 = the prompt alone
        level: the noise, for forms that depend on it; this one does not

    Source: Ho and Salimans 2022 (arXiv 2207.12598).
    """
    del level
    return negative + guidance * (positive - negative)


def view_starts(length: int, view: int) -> tuple[int, ...]:
    """Give where views start along an axis: every half view, the last one flush with the end."""
    if length <= view:
        return (0,)
    return (*range(0, length - view, view // 2), length - view)


def average_views(z: Tensor, view: Grid, predict: Callable[[Tensor], Tensor]) -> Tensor:
    """Run ``predict`` on every view of ``z`` and average what overlaps.

    Args:
        z: (B, C, rows, cols)
        view: rows x cols of one view, in latents
        predict: (B, C, view rows, view cols) to (n, C, view rows, view cols)

    Returns:
        (n, C, rows, cols).
    """
    rows, cols = z.shape[-2:]
    total, count = z.new_zeros(()), torch.zeros_like(z[:1, :1])
    for top in view_starts(rows, view.rows):
        for left in view_starts(cols, view.cols):
            part = (..., slice(top, top + view.rows), slice(left, left + view.cols))
            output = predict(z[part])
            if total.dim() == 0:
                total = z.new_zeros((len(output), *z.shape[1:]))
            total[part] += output
            count[part] += 1
    return total / count
