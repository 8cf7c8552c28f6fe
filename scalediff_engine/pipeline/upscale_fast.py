"""The fast method, and the quick preview of a result by its networks; imports no torch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.alpha import fill_under_alpha
from scalediff_engine.images.colour import to_srgb
from scalediff_engine.images.picture import Picture
from scalediff_engine.pipeline.postprocess import cropped
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.progress import Phase, Progress, ProgressCallback
from scalediff_engine.upscalers.enlarge import NETWORKS_SHARE, enlarge_to, upscale_fast
from scalediff_engine.upscalers.spec import pass_sizes

# Of the guess: about a second on two cores.
_MAX_PIXELS = 1024 * 1024
# A picture that is hardly larger than the source says nothing that the source does not.
_LEAST_GAIN = 1.5
# Seen beyond a part's sides, in pixels of the source.
_MARGIN = 16


def guess_size(plan: Plan) -> Size | None:
    """Give how large a guess is; none = it would show no more than the source.

    Args:
        plan: of the upscale, or of a part of it
    """
    wanted = Size(*_part(plan).size)
    shown = wanted.scaled(min(1.0, math.sqrt(_MAX_PIXELS / wanted.area)))
    seen = wanted.width * plan.source.width / plan.target.width
    return shown if min(shown) >= 1 and shown.width >= _LEAST_GAIN * seen else None


def guess(
    picture: Picture, plan: Plan, on_fraction: Callable[[float], None] = lambda _: None
) -> NDArray[np.uint8] | None:
    """Enlarge what the plan shows.

    Args:
        picture: the source; not changed
        plan: of the upscale, or of a part of it
        on_fraction: hears 0..1; may raise ``Cancelled``

    Returns:
        (h, w, 3) sRGB, as large as ``guess_size`` says; None as there. Without transparency.

    Raises:
        ModelMissing, ModelError: the networks cannot be used.
    """
    shown = guess_size(plan)
    if shown is None:
        return None
    part = _part(plan)
    # a pixel of the source is so many of the guess
    across = shown.width / part.size.width * plan.target.width / plan.source.width
    down = shown.height / part.size.height * plan.target.height / plan.source.height
    left = part.left * plan.source.width / plan.target.width
    top = part.top * plan.source.height / plan.target.height
    seen = (
        Box(
            math.floor(left),
            math.floor(top),
            math.ceil(left + shown.width / across),
            math.ceil(top + shown.height / down),
        )
        .grown(_MARGIN)
        .within(plan.source)
    )
    made = Size(round(seen.size.width * across), round(seen.size.height * down))
    made = Size(max(made.width, shown.width), max(made.height, shown.height))
    pixels = enlarge_to(_srgb(picture, seen), made, on_fraction=on_fraction)
    x = min(max(0, round((left - seen.left) * across)), made.width - shown.width)
    y = min(max(0, round((top - seen.top) * down)), made.height - shown.height)
    cut = pixels[y : y + shown.height, x : x + shown.width]
    return np.round(255 * cut).astype(np.uint8)


def _part(plan: Plan) -> Box:
    """What of the result is shown."""
    return plan.window or Box.of(plan.target)


def _srgb(picture: Picture, box: Box) -> NDArray[np.float32]:
    """A part of a picture as the networks take it."""
    part = cropped(picture, box)
    if part.alpha is not None:
        part = replace(part, pixels=fill_under_alpha(part.pixels, part.alpha))
    return np.clip(to_srgb(part), 0, 1)


def upscale_by_networks(
    picture: Picture,
    plan: Plan,
    on_progress: ProgressCallback,
    clock: Callable[[], float] = time.monotonic,
) -> Picture:
    """Enlarge a picture as planned.

    Args:
        picture: the source; not changed
        plan: made for its size by ``plan_fast``
        on_progress: hears of every tile, and then of every pass over the colours; may raise
            ``Cancelled``
        clock: seconds, monotonic

    Returns:
        The picture at ``plan.target``, or what of it is in the plan's window, with the source's
        colour model, profile, depth, alpha and metadata.

    Raises:
        ModelMissing, ModelError: the networks cannot be used.
    """
    start_s, steps = clock(), plan.stages[0].steps
    part, made = plan.start_part, plan.stages[0].computed
    begun = plan.source if part is None else part.size
    ends = list(accumulate(size.area for _, size in pass_sizes(begun, made)))

    def on_fraction(done: float) -> None:
        phase = Phase.FINISH if done >= NETWORKS_SHARE else Phase.ENLARGE
        passed = sum(done / NETWORKS_SHARE * ends[-1] >= end for end in ends)
        left_s = (clock() - start_s) * (1 - done) / done if done else None
        on_progress(Progress(phase, 1, 1, passed, steps, done, left_s))

    on_fraction(0.0)
    result = upscale_fast(cropped(picture, part), made, on_fraction=on_fraction)
    window, enlarged = plan.window, plan.stages[0].part
    if window is not None and enlarged is not None:
        window = window.seen_from(enlarged)
    return cropped(result, window)
