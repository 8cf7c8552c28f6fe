"""A picture in, a larger picture out, by the fast networks; no torch is imported for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

from scalediff_engine.base.geometry import Box
from scalediff_engine.images.picture import Picture
from scalediff_engine.pipeline.finish import cropped
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.progress import Phase, Progress, ProgressCallback
from scalediff_engine.upscalers.passes import pass_sizes
from scalediff_engine.upscalers.picture import NETWORKS_SHARE, upscale_fast


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
    result = upscale_fast(_taken(picture, part), made, on_fraction=on_fraction)
    window, enlarged = plan.window, plan.stages[0].part
    if window is not None and enlarged is not None:
        window = window.seen_from(enlarged)
    return cropped(result, window)


def _taken(picture: Picture, part: Box | None) -> Picture:
    """A part of a picture; None = all of it."""
    if part is None:
        return picture
    rows, columns = slice(part.top, part.bottom), slice(part.left, part.right)
    alpha = None if picture.alpha is None else picture.alpha[rows, columns]
    return replace(picture, pixels=picture.pixels[rows, columns], alpha=alpha)
