"""What an enlargement by the fast networks will do and cost."""

from __future__ import annotations

import math

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.planning.plan import Plan, StagePlan
from scalediff_engine.spec.footprint import Cost
from scalediff_engine.upscalers.passes import pass_sizes
from scalediff_engine.upscalers.spec import FAST

# Around a window, in pixels of the source: further than any pixel's origins.
_MARGIN = 64
# The source lock's grid, in pixels of the source; the x2 network's cells divide it.
_GRID = 4


def plan_fast(source: Size, target: Size, window: Box | None = None) -> Plan:
    """Settle the passes and the cost: one stage, without noise.

    Args:
        source, target: of the picture
        window: the part of the target that is wanted; what of the source decides over it is
            enlarged as in the whole, and the window cut out of that
    """
    part = None if window is None else _source_part(window, source, target)
    enlarged = None if part is None else _enlarged(part, source, target)
    begun, ended = (source if part is None else part.size), (enlarged or Box.of(target)).size
    passes = pass_sizes(begun, ended)
    made, before = 0, begun
    for scale, size in passes:
        # a network makes more than is left of it where the factor is not its own
        made += before.scaled(scale).area
        before = size
    footprint = FAST.footprint
    gflop = footprint.step_gflop_per_megapixel * made
    gflop += footprint.decode_gflop_per_megapixel * ended.area
    fixed_bytes = footprint.base_bytes
    stage = StagePlan(
        canvas=target,
        t_start=0,
        steps=len(passes),
        guidance=1.0,
        guided_sigmas=None,
        part=enlarged,
    )
    return Plan(
        source,
        target,
        StageSizes(source, (target,), target),
        (stage,),
        Cost(fixed_bytes + footprint.bytes_per_pixel * ended.area, gflop / 1e6, fixed_bytes),
        window=window,
        start_part=part,
    )


def _source_part(window: Box, source: Size, target: Size) -> Box | None:
    """What of the source a window is made of; None = all of it.

    It begins and ends where the pixels of source and target have common edges.
    """
    left, right = _span(window.left, window.right, source.width, target.width)
    top, bottom = _span(window.top, window.bottom, source.height, target.height)
    part = Box(left, top, right, bottom)
    return None if part == Box.of(source) else part


def _span(start: int, stop: int, source: int, target: int) -> tuple[int, int]:
    common = math.lcm(_GRID, source // math.gcd(source, target))
    first = math.floor(start * source / target) - _MARGIN
    last = math.ceil(stop * source / target) + _MARGIN
    return max(0, first // common * common), min(source, -(-last // common) * common)


def _enlarged(part: Box, source: Size, target: Size) -> Box:
    """A part of the source in pixels of the target; exact, see ``_source_part``."""
    return Box(
        part.left * target.width // source.width,
        part.top * target.height // source.height,
        part.right * target.width // source.width,
        part.bottom * target.height // source.height,
    )
