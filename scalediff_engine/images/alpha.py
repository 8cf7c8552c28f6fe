"""Transparency: colours under it that do no harm, and its own way of being resized."""

from __future__ import annotations

import numpy as np

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import Kernel, SourceBox, resize, resize_in_range

_VISIBLE_ABOVE = 2.5 / 255  # up to two 8-bit steps, a colour is only rounding noise
_COARSEST_PX = 1
_NEXT_TO_NOTHING = 1e-5


def fill_under_alpha(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Replace the colours of (nearly) transparent pixels by an extension of the visible ones.

    Encoders and resamplers look at colours regardless of alpha; without this, the black or white
    that programs leave under transparency bleeds into the edges as a fringe.

    Args:
        pixels: (H, W, C), straight (not multiplied by alpha)
        alpha: (H, W) 0..1

    Returns:
        (H, W, C); visible pixels (alpha above 2 of 255) bit for bit as they were. A picture
        without visible pixels, or with no others, comes back as it is.

    Source: push-pull interpolation (Gortler et al., "The Lumigraph", 1996, section 3.4.1).
    """
    visible = alpha > _VISIBLE_ABOVE
    if visible.all() or not visible.any():
        return pixels
    weights = np.where(visible, alpha, 0.0).astype(np.float32)
    filled = _push_pull(np.where(visible[..., None], pixels, 0.0).astype(np.float32), weights)
    return np.where(visible[..., None], pixels, filled)


def _push_pull(pixels: Pixels, weights: Pixels) -> Pixels:
    """``pixels`` (H, W, C) with those of weight 0 filled from coarser and coarser means."""
    empty = weights <= 0.0
    if not empty.any() or max(weights.shape) <= _COARSEST_PX:
        return pixels
    weight_sum = _sum_of_fours(weights[..., None])
    mean = _sum_of_fours(pixels * weights[..., None])
    mean = np.divide(mean, weight_sum, out=np.zeros_like(mean), where=weight_sum > 0)
    coarse = _push_pull(mean, np.minimum(weight_sum[..., 0], 1.0))
    height, width = weights.shape
    # An odd side was padded by one pixel before halving, so the enlargement is one too long.
    finer = resize(coarse, Size(2 * coarse.shape[1], 2 * coarse.shape[0]), kernel=Kernel.BILINEAR)
    return np.where(empty[..., None], finer[:height, :width], pixels)


def _sum_of_fours(values: Pixels) -> Pixels:
    """(ceil(H/2), ceil(W/2), C) sums of 2x2 pixels; what is beyond the border counts as 0."""
    height, width = values.shape[:2]
    padded = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    rows: Pixels = padded[0::2] + padded[1::2]
    return rows[:, 0::2] + rows[:, 1::2]


def resize_alpha(alpha: Pixels, size: Size, *, box: SourceBox | None = None) -> Pixels:
    """Resample transparency without ringing: transparent, opaque and flat regions stay so.

    Args:
        alpha: (H, W) 0..1
        size: of the result, pixels
        box: the part of it that becomes the result; None is all of it

    Returns:
        (size.height, size.width), within the range of ``alpha``
    """
    resized = resize_in_range(alpha, size, box=box)
    resized[np.abs(resized) < _NEXT_TO_NOTHING] = 0.0  # weights of a kernel sum to 1 only roughly
    resized[np.abs(resized - 1.0) < _NEXT_TO_NOTHING] = 1.0
    return np.clip(resized, alpha.min(), alpha.max())
