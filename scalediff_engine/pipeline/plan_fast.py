"""What an enlargement by the fast networks will do and cost (no torch in this file)."""

from __future__ import annotations

from scalediff_engine.fast.passes import pass_sizes
from scalediff_engine.geometry import Box, Size
from scalediff_engine.memory.footprint import Cost
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.models.fast import FAST
from scalediff_engine.pipeline.plan import Plan, StagePlan


def plan_fast(source: Size, target: Size, window: Box | None = None) -> Plan:
    """Settle the passes and the cost: one stage, without noise.

    Args:
        source, target: of the picture
        window: the part of the target that is wanted; all of it is made and the part cut out
    """
    passes = pass_sizes(source, target)
    made, before = 0, source
    for scale, size in passes:
        # a network makes more than is left of it where the factor is not its own
        made += before.scaled(scale).area
        before = size
    footprint = FAST.footprint
    gflop = footprint.step_gflop_per_megapixel * made
    gflop += footprint.decode_gflop_per_megapixel * target.area
    fixed_bytes = footprint.base_bytes
    stage = StagePlan(canvas=target, t_start=0, steps=len(passes), guidance=1.0, guided_sigmas=None)
    return Plan(
        source,
        target,
        StageSizes(source, (target,), target),
        (stage,),
        Cost(fixed_bytes + footprint.bytes_per_pixel * target.area, gflop / 1e6, fixed_bytes),
        window=window,
    )
