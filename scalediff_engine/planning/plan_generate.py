"""What making a new picture will do and cost.

The picture is made from noise at the model's native size and then enlarged as any other, except
that the first stage starts from the latent that the model itself has just made.
"""

from __future__ import annotations

import math
from itertools import product

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.families import registry as families
from scalediff_engine.memory.plan import MemoryBudget
from scalediff_engine.method.stages import StageSizes, stage_sizes
from scalediff_engine.planning.plan import (
    MAX_TARGET_PIXELS,
    Plan,
    StagePlan,
    enlarging_stages,
    plan_from_noise,
)
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts, StageDefaults

# A canvas whose sides are within this factor of the native size is made in one go: families are
# trained with sizes that vary by more, and another stage would cost more than the canvas itself.
NATIVE_ENOUGH = 1.06
# Beyond this the picture of the native area is a strip that no model has ever seen.
MAX_PROPORTION = 16.0


def plan_generate(
    target: Size, facts: FamilyFacts, settings: Settings, room: MemoryBudget | None = None
) -> Plan:
    """Settle sizes, stages and cost of a picture that is made from noise.

    Args:
        target: of the result, any size
        facts: of the model
        settings: see there; the prompt says what the picture shows
        room: where it will run; None = where nothing is short

    Raises:
        UsageError: the family only enlarges, the prompt is empty, or the size is absurd.
    """
    base = _base_of(facts)
    if not settings.prompt.strip():
        raise UsageError("The prompt is empty; it says what the picture shows: 'a tree on a hill'.")
    _check_size(target)
    canvas = target.padded(facts.multiples)
    start = base_size(canvas, native=facts.native, multiple=facts.multiples)
    canvases = _canvases(start, canvas, facts.multiples)
    stages = (
        _base_stage(start, base, facts, settings),
        *enlarging_stages(canvases[1:], facts, settings),
    )
    return plan_from_noise(StageSizes(start, canvases, target), stages, facts, settings, room)


def base_size(canvas: Size, *, native: Size, multiple: Size) -> Size:
    """Give the size of the first picture: about the native area, in the canvas's proportions.

    Args:
        canvas: of the last stage, multiples of ``multiple``
        native: what the model was trained at
        multiple: the sides of the answer are multiples of its sides, in pixels

    Returns:
        The canvas itself where it is no larger than that; else a size from which stages of at
        most a factor of two lead to it, as few as its area allows.
    """
    across = math.sqrt(canvas.area / native.area)
    doublings = max(0, math.ceil(math.log2(across / NATIVE_ENOUGH)))
    if doublings == 0:
        return canvas
    smallest = Size(*(-(-side // 2**doublings) for side in canvas)).padded(multiple)
    sides = (
        [max(least, steps * unit) for steps in _around(side / across / unit)]
        for side, least, unit in zip(canvas, smallest, multiple, strict=True)
    )
    # of the sizes nearby, the one that is stretched least on the way to the canvas
    return min(
        (Size(width, height) for width, height in product(*sides)),
        key=lambda size: (_stretch(size, canvas), abs(size.area - native.area)),
    )


def _around(value: float) -> tuple[int, int]:
    return max(1, math.floor(value)), math.ceil(value)


def _stretch(size: Size, canvas: Size) -> float:
    """How much further one side of ``size`` has to go than the other, as a logarithm."""
    return abs(math.log(size.width * canvas.height / (size.height * canvas.width)))


def _canvases(start: Size, canvas: Size, multiple: Size) -> tuple[Size, ...]:
    """The base's canvas and those of the stages after it."""
    if start == canvas:
        return (canvas,)
    # the start is native by definition here: no stage at its own size comes on top
    way = stage_sizes(start, canvas, native=start, multiple=multiple)
    return (start, *way.canvases)


def _base_of(facts: FamilyFacts) -> StageDefaults:
    if facts.base is None:
        able = [family.title for family in families.FAMILIES if family.forms[0].base is not None]
        raise UsageError(
            f"{facts.title} enlarges pictures and cannot make new ones. These can, and what was "
            f"distilled from them: {', '.join(able)}. --model takes their file, folder or name."
        )
    return facts.base


def _base_stage(
    canvas: Size, base: StageDefaults, facts: FamilyFacts, settings: Settings
) -> StagePlan:
    return StagePlan(
        canvas=canvas,
        t_start=base.t_start,
        steps=min(base.t_start, settings.base_steps or base.steps),
        guidance=base.guidance if settings.guidance is None else settings.guidance,
        # all of the schedule as the model was published, its interval is for what exists already
        guided_sigmas=facts.guided_sigmas and (settings.guided_sigmas or (0.0, math.inf)),
    )


def _check_size(target: Size) -> None:
    if target.area > MAX_TARGET_PIXELS:
        raise UsageError(
            f"The picture is too large: {target} ({target.area / 1e6:,.0f} MP); "
            f"the limit is {MAX_TARGET_PIXELS / 1e6:,.0f} MP."
        )
    proportion = max(target) / min(target)
    if proportion > MAX_PROPORTION:
        raise UsageError(
            f"{target} is {proportion:.0f} times as long as it is wide; "
            f"at most {MAX_PROPORTION:.0f} times works."
        )
