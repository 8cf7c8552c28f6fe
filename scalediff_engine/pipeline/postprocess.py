"""A window of a result from what was computed around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalediff_engine.base.geometry import Box
from scalediff_engine.images.colour import from_srgb
from scalediff_engine.images.lock import Alignment, source_lock
from scalediff_engine.images.picture import Picture, Pixels
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.settings import Settings
from scalediff_engine.planning.window import enclosing
from scalediff_engine.upscalers.enlarge import OnFraction, enlarge_alpha


def finished_window(
    upscaled: Pixels,
    source: Picture,
    plan: Plan,
    settings: Settings,
    on_fraction: OnFraction = lambda _: None,
) -> Picture:
    """Do with a part what is done with a whole result, and cut the window out of it.

    Args:
        upscaled: (h, w, 3) sRGB, what of the target the last stage's part has
        source: the whole picture, its colours filled under its alpha
        plan: has a window and a part that is not the whole
        settings: of the run
        on_fraction: called with 0..1 while transparency is enlarged; may raise ``Cancelled``

    Returns:
        The window in the source's colour model, profile, depth, alpha and metadata.
    """
    part = plan.stages[-1].part
    assert part is not None  # the caller's question
    assert plan.window is not None  # without one every stage is computed whole
    part, window = part.within(plan.target), plan.window
    shown = enclosing(part, plan.target, plan.source)
    pixels = _crop(source.pixels, shown)
    scale = plan.target.width / plan.source.width, plan.target.height / plan.source.height
    result = from_srgb(upscaled, replace(source, pixels=pixels))
    whole = not source.depth.is_float  # whole numbers cannot hold what lies beyond 0..1
    if settings.source_lock:
        result = source_lock(
            pixels,
            result,
            clip=whole,
            seen_range=None if whole else (0.0, 1.0),
            places=Alignment(shown, part, scale),
        )
    elif whole:
        result = np.clip(result, 0, 1)
    alpha = source.alpha
    if alpha is not None:
        alpha = enlarge_alpha(alpha, plan.target, window=window, on_fraction=on_fraction)
    return replace(source, pixels=_crop(result, window.seen_from(part)), alpha=alpha)


def cropped(picture: Picture, window: Box | None) -> Picture:
    """Cut the window out of a whole result; None = the result itself."""
    if window is None:
        return picture
    alpha = None if picture.alpha is None else _crop(picture.alpha, window)
    return replace(picture, pixels=_crop(picture.pixels, window), alpha=alpha)


def _crop(pixels: Pixels, box: Box) -> Pixels:
    return pixels[box.top : box.bottom, box.left : box.right]
