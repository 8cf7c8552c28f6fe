"""How two evaluations of a model become one prediction."""

from __future__ import annotations

from torch import Tensor

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
