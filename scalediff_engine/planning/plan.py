"""What an upscale will do and cost, settled before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.memory.plan import Choice, MemoryBudget, MemoryPlan, choose_plans
from scalediff_engine.method.stages import StageSizes, stage_sizes
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.planning.window import parts_for, sample_size
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import Cost, StageLoad, job_cost
from scalediff_engine.upscalers.spec import FAST, pass_sizes

MAX_SCALE = 32.0
MAX_TARGET_PIXELS = 500_000_000
# Beside a part: the source as floats and on its way to them, and the noise of the whole latent.
SOURCE_BYTES_PER_PIXEL = 64
NOISE_BYTES_PER_PIXEL = 4


@dataclass(frozen=True)
class StagePlan:
    """One diffusion stage, settled.

    Attributes:
        canvas: padded size in pixels
        t_start: first timestep; 0 = the stage only enlarges
        steps: model evaluations with guidance counted once
        guidance: scale, of the family's kind of guidance; 1 or less = no classifier-free guidance
        guided_sigmas: sigma / alpha from which and up to which classifier-free guidance is
            applied; None = the family has another kind of guidance, or none
        part: of the canvas that is computed, in its pixels; None = all of it
    """

    canvas: Size
    t_start: int
    steps: int
    guidance: float
    guided_sigmas: tuple[float, float] | None = (0.0, math.inf)
    part: Box | None = None

    @property
    def computed(self) -> Size:
        """Size of what is computed."""
        return self.canvas if self.part is None else self.part.size

    def guides(self, sigma: float) -> bool:
        """Whether a step at this sigma / alpha takes a second evaluation for guidance."""
        if self.guidance <= 1 or self.guided_sigmas is None:
            return False
        low, high = self.guided_sigmas
        return low <= sigma <= high


@dataclass(frozen=True)
class Plan:
    """A whole upscale, settled.

    Attributes:
        memory: plans for the device's memory, from the chosen one to the smallest
        compiled: what the model repeats is compiled before the first stage
        from_noise: there is no source; the first stage makes the picture that the others enlarge,
            and ``source`` is that one's size
        window: the part of the target that is wanted, in its pixels; None = all of it
        start_part: of the start canvas that is encoded, in its pixels; None = all of it
    """

    source: Size
    target: Size
    sizes: StageSizes
    stages: tuple[StagePlan, ...]
    cost: Cost
    memory: tuple[MemoryPlan, ...] = (MemoryPlan(batch_pixels=0),)
    compiled: bool = False
    from_noise: bool = False
    window: Box | None = None
    start_part: Box | None = None


def target_size(source: Size, *, scale: float | None = None, size: Size | None = None) -> Size:
    """Give the result's size from a factor or a size, whichever was asked for.

    Raises:
        UsageError: neither or both, smaller than the source, or absurdly large.
    """
    if (scale is None) == (size is None):
        raise UsageError("Give exactly one of scale and size.")
    if scale is not None:
        if not 1 <= scale <= MAX_SCALE:
            raise UsageError(f"The scale must be between 1 and {MAX_SCALE:g} (got {scale:g}).")
        size = source.scaled(scale)
    assert size is not None  # settled by the first check
    if size.width < source.width or size.height < source.height:
        raise UsageError(f"{size} is smaller than the picture ({source}); this program enlarges.")
    factor = max(size.width / source.width, size.height / source.height)
    if factor > MAX_SCALE:
        raise UsageError(
            f"{source} to {size} is a factor of {factor:.1f}; at most {MAX_SCALE:g} works."
        )
    if size.area > MAX_TARGET_PIXELS:
        raise UsageError(
            f"The result is too large: {size} ({size.area / 1e6:,.0f} MP); "
            f"the limit is {MAX_TARGET_PIXELS / 1e6:,.0f} MP."
        )
    return size


def plan_upscale(
    source: Size,
    target: Size,
    facts: FamilyFacts,
    settings: Settings,
    room: MemoryBudget | None = None,
    window: Box | None = None,
) -> Plan:
    """Settle sizes, stages and cost of an upscale.

    Args:
        source, target: of the picture
        facts: of the model
        settings: what was asked for
        room: where it will run; None = where nothing is short
        window: the part of the target that is wanted; None = all of it

    Raises:
        UsageError: a setting is out of its range.
    """
    sizes = stage_sizes(source, target, native=facts.native, multiple=facts.multiples)
    stages = tuple(
        _stage(canvas, default.t_start, default.steps, default.guidance, facts, settings)
        for canvas, default in zip(
            sizes.canvases, facts.stage_defaults(len(sizes.canvases)), strict=True
        )
    )
    start_part: Box | None = None
    if window is not None:
        parts = parts_for(window, sizes, facts, settings.attention is Attention.MULTIDIFFUSION)
        start_part = parts.start
        stages = tuple(
            replace(stage, part=part) for stage, part in zip(stages, parts.stages, strict=True)
        )
    # Latent Frequency Mixing of the first stage wants the picture at its own size too
    start = None
    if sizes.start != sizes.canvases[0]:
        start = sizes.start if start_part is None else start_part.size
    loads = _loads(stages, facts, settings)
    samples = _sample_loads(stages, facts, settings)
    choice = _choose(facts, start, [*loads, *samples.values()], room)
    return Plan(
        source,
        target,
        sizes,
        stages,
        _with_wholes(choice.cost, source, stages[-1], facts),
        choice.plans,
        # what listens to a part's layers cannot look into compiled ones
        choice.compiled and stages[-1].part is None,
        window=window,
        start_part=start_part,
    )


def _sample_loads(
    stages: tuple[StagePlan, ...], facts: FamilyFacts, settings: Settings
) -> dict[int, StageLoad]:
    """What is denoised beside the parts, by stage; see ``pipeline.norm_statistics``."""
    if not facts.group_norms or settings.attention is Attention.MULTIDIFFUSION:
        return {}
    return {
        index: StageLoad(
            sample_size(stage.canvas, facts),
            _evaluations(stage, facts, settings),
            guided=_is_guided(stage),
            decodes=stage is not stages[-1],
        )
        for index, stage in enumerate(stages)
        if stage.part is not None and stage.steps > 0
    }


def _with_wholes(cost: Cost, source: Size, last: StagePlan, facts: FamilyFacts) -> Cost:
    """The cost of a part, and with it what is held of the whole: the source, and its noise."""
    if last.part is None or facts.footprint.denoiser is not None:  # that counts a device's memory
        return cost
    wholes = SOURCE_BYTES_PER_PIXEL * source.area + NOISE_BYTES_PER_PIXEL * last.canvas.area
    return replace(cost, peak_bytes=cost.peak_bytes + wholes)


def stage_loads(plan: Plan, facts: FamilyFacts, settings: Settings) -> list[StageLoad]:
    """Give what each stage of a plan computes."""
    return _loads(plan.stages, facts, settings, from_noise=plan.from_noise)


def sample_loads(plan: Plan, facts: FamilyFacts, settings: Settings) -> dict[int, StageLoad]:
    """Give what is denoised beside the parts of a plan with a window, by stage."""
    return _sample_loads(plan.stages, facts, settings)


def _loads(
    stages: tuple[StagePlan, ...],
    facts: FamilyFacts,
    settings: Settings,
    *,
    from_noise: bool = False,
) -> list[StageLoad]:
    return [
        StageLoad(
            stage.computed,
            _evaluations(stage, facts, settings),
            guided=_is_guided(stage),
            encodes=index > 0 or not from_noise,
        )
        for index, stage in enumerate(stages)
    ]


def _choose(
    facts: FamilyFacts, start: Size | None, loads: Sequence[StageLoad], room: MemoryBudget | None
) -> Choice:
    if facts.footprint.denoiser is not None and room is not None:
        return _remembered_choice(facts.footprint, start, tuple(loads), room)
    cost = job_cost(facts.footprint, start or loads[0].canvas, loads)
    return Choice((MemoryPlan(batch_pixels=0),), cost)


# Pictures of a folder are often of one size, and a choice takes milliseconds.
_remembered_choice = lru_cache(maxsize=256)(choose_plans)


def _is_guided(stage: StagePlan) -> bool:
    return stage.guidance > 1 and stage.guided_sigmas is not None


def _stage(
    canvas: Size, t_start: int, steps: int, guidance: float, facts: FamilyFacts, settings: Settings
) -> StagePlan:
    if settings.creativity is not None:
        t_start = facts.t_start(t_start, settings.creativity)
    steps = steps if settings.steps is None else settings.steps
    return StagePlan(
        canvas=canvas,
        t_start=t_start,
        steps=min(steps, t_start),  # more steps than timesteps would repeat some
        guidance=guidance if settings.guidance is None else settings.guidance,
        guided_sigmas=facts.guided_sigmas and (settings.guided_sigmas or facts.guided_sigmas),
    )


def _evaluations(stage: StagePlan, facts: FamilyFacts, settings: Settings) -> int:
    # an interval that leaves steps unguided makes this an upper bound; the schedule knows more
    evaluations = stage.steps * (2 if _is_guided(stage) else 1)
    if settings.attention is Attention.MULTIDIFFUSION:
        # views of the native size every half view cover each pixel about four times
        grid, view = stage.computed, facts.native
        across = max(1, -(-2 * grid.width // view.width) - 1)
        down = max(1, -(-2 * grid.height // view.height) - 1)
        views_area = across * down * min(view.width, grid.width) * min(view.height, grid.height)
        evaluations = round(evaluations * views_area / grid.area)
    return evaluations


def enlarging_stages(
    canvases: Sequence[Size], facts: FamilyFacts, settings: Settings
) -> tuple[StagePlan, ...]:
    """Settle the stages of a run, one for each canvas."""
    if not canvases:
        return ()
    return tuple(
        _stage(canvas, default.t_start, default.steps, default.guidance, facts, settings)
        for canvas, default in zip(canvases, facts.stage_defaults(len(canvases)), strict=True)
    )


def plan_from_noise(
    sizes: StageSizes,
    stages: tuple[StagePlan, ...],
    facts: FamilyFacts,
    settings: Settings,
    room: MemoryBudget | None = None,
) -> Plan:
    """Give the plan of a picture that the first of ``stages`` makes out of noise."""
    loads = _loads(stages, facts, settings, from_noise=True)
    choice = _choose(facts, None, loads, room)
    return Plan(
        stages[0].canvas,
        sizes.target,
        sizes,
        stages,
        choice.cost,
        choice.plans,
        choice.compiled,
        from_noise=True,
    )


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
