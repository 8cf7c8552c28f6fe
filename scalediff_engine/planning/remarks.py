"""What a user may not have meant, said before the work begins."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts

# Below this share of the native area a model has seen next to nothing.
TOO_SMALL = 0.5

FEW_BITS = 8
FEW_BITS_NOTE = (
    "The model's weights are kept in 8 bits, since neither the device nor main memory holds them "
    "in 16; the picture differs a little."
)


@dataclass(frozen=True)
class Names:
    """What settings are called where the user said them, at the beginning of a sentence."""

    guidance: str = "Guidance"
    negative: str = "The negative prompt"
    guidance_interval: str = "The guidance interval"


def unheard_notes(
    plan: Plan, settings: Settings, facts: FamilyFacts, names: Names
) -> tuple[str, ...]:
    """Name the settings that have no effect with this model, and guidance that means none."""
    if any(stage.guided_sigmas is not None and stage.guidance > 1 for stage in plan.stages):
        return ()
    if settings.guidance is not None and settings.guidance < 1 and facts.guided_sigmas is not None:
        off = (f"{names.guidance} {settings.guidance:g} turns guidance off, as 1 does.",)
        return off + unheard_notes(plan, replace(settings, guidance=1), facts, names)
    asked = settings.guidance is not None and settings.guidance != 1
    hears = facts.stage_defaults(1)[0].guidance != 1  # as a number
    wishes = (
        (names.guidance, asked and not hears),
        (names.negative, bool(settings.negative)),
        (names.guidance_interval, settings.guided_sigmas is not None),
    )
    return tuple(
        f"{name} changes nothing: {facts.title} runs without classifier-free guidance here."
        for name, wished in wishes
        if wished
    )


def size_notes(target: Size, facts: FamilyFacts) -> tuple[str, ...]:
    """Warn of new pictures much smaller than those that the model knows."""
    if target.area >= facts.native.area * TOO_SMALL:
        return ()
    return (
        f"{facts.title} knows pictures of about {facts.native}; at {target} it makes poor ones.",
    )


def precision_notes(plan: Plan) -> tuple[str, ...]:
    """Tell of weights that are kept in fewer bits than they have."""
    return (FEW_BITS_NOTE,) if plan.memory[0].weight_bits == FEW_BITS else ()
