"""What would fit instead of an upscale that does not, found by planning smaller ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.planning.machine import Prepared

_PARTS = 10  # scales are tried in tenths
# What is free goes up and down while somebody reads what would fit.
_SHARE = 0.97


def fitting_scale(
    source: Size,
    settings: UpscaleSettings,
    target: Size,
    plan: Callable[[UpscaleSettings], Prepared],
) -> float | None:
    """Give the largest scale, in tenths, that fits where ``settings`` does not.

    Args:
        source: of the picture
        settings: what does not fit
        target: what it would come to
        plan: plans settings on this machine; milliseconds, and asked a few times

    Returns:
        a scale whose plan fits, or None if not even the picture's own size does
    """

    def fits(tenths: int) -> bool:
        smaller = replace(settings, scale=tenths / _PARTS, width=None, height=None)
        found = plan(smaller)
        return found.plan.cost.peak_bytes <= _SHARE * found.machine.available_bytes

    fitting, too_large = _PARTS, round(_PARTS * target.width / source.width)
    if too_large <= fitting or not fits(fitting):
        return None
    while too_large - fitting > 1:
        middle = (fitting + too_large) // 2
        if fits(middle):
            fitting = middle
        else:
            too_large = middle
    return fitting / _PARTS
