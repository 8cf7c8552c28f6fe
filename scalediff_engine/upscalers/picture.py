"""A picture in, a larger picture out, in one pass: colours, transparency and depth as they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.alpha import fill_under_alpha
from scalediff_engine.images.colour import from_srgb, to_srgb
from scalediff_engine.images.lock import source_lock
from scalediff_engine.images.picture import Picture, Pixels
from scalediff_engine.images.resample import resize_in_range
from scalediff_engine.upscalers.alpha import enlarge_alpha
from scalediff_engine.upscalers.enlarge import OnFraction, enlarge_to

# Only coarse colours are the source's own: its noise and JPEG blocks are to go.
_LOCKED_BAND = 0.25
# Of the time; the rest goes to colours and the lock, more of it the more channels there are.
NETWORKS_SHARE = 0.75
_COLOURS_END = 0.85
_ALPHA_SHARE = 0.25  # of the time, where transparency is not the same everywhere


def upscale_fast(
    picture: Picture, size: Size, *, on_fraction: OnFraction = lambda _: None
) -> Picture:
    """Enlarge a picture with the fast networks.

    Args:
        picture: in any colour model, profile and depth; not changed
        size: of the result
        on_fraction: hears 0..1, of the networks up to ``NETWORKS_SHARE`` (earlier where there is
            transparency, which is enlarged last); may raise ``Cancelled``

    Returns:
        The picture at ``size``, with the source's colour model, profile, depth, alpha, metadata.

    Raises:
        UsageError: an empty size, or more than 32 times the picture's.
        ModelMissing, ModelError: the networks cannot be used.
    """
    pixels, alpha = picture.pixels, picture.alpha
    share = 1.0
    if alpha is not None:
        pixels = fill_under_alpha(pixels, alpha)
        share -= _ALPHA_SHARE if alpha.min() < alpha.max() else 0.0
    filled = replace(picture, pixels=pixels)
    seen = np.clip(to_srgb(filled), 0, 1)
    enlarged = enlarge_to(
        seen, size, on_fraction=lambda done: on_fraction(share * NETWORKS_SHARE * done)
    )
    result = from_srgb(enlarged, filled)
    del enlarged
    on_fraction(share * _COLOURS_END)
    known = from_srgb(seen, filled)
    result = source_lock(known, result, cutoff=_LOCKED_BAND, clip=False)
    # colours outside of sRGB's gamut and range, and how much of a colour is black ink
    _add_enlarged(result, pixels - known)
    if not picture.depth.is_float:
        result = np.clip(result, 0, 1)
    on_fraction(share)
    if alpha is not None:
        alpha = enlarge_alpha(
            alpha, size, on_fraction=lambda done: on_fraction(share + (1 - share) * done)
        )
    on_fraction(1.0)
    return replace(picture, pixels=result, alpha=alpha)


def _add_enlarged(result: Pixels, unseen: Pixels) -> None:
    """Add (h, w, C) to (H, W, C), enlarged without ringing."""
    size = Size(result.shape[1], result.shape[0])
    for channel in range(result.shape[2]):
        plane = unseen[..., channel]
        if plane.any():
            result[..., channel] += resize_in_range(plane, size)
