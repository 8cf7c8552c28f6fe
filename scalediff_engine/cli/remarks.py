"""What a user may not have meant, said before the work begins."""

from __future__ import annotations

from scalediff_engine.geometry import Size
from scalediff_engine.models.facts import FamilyFacts
from scalediff_engine.pipeline.plan import Plan
from scalediff_engine.pipeline.settings import Settings

# Below this share of the native area a model has seen next to nothing.
TOO_SMALL = 0.5


def unheard_notes(plan: Plan, settings: Settings, facts: FamilyFacts) -> tuple[str, ...]:
    """Name the wishes that the model has no ear for."""
    if any(stage.guided_sigmas is not None and stage.guidance != 1 for stage in plan.stages):
        return ()
    asked = settings.guidance is not None and settings.guidance != 1
    hears = facts.stage_defaults(1)[0].guidance != 1  # as a number
    wishes = (
        ("--guidance", asked and not hears),
        ("--negative", bool(settings.negative)),
        ("--guidance-interval", settings.guided_sigmas is not None),
    )
    return tuple(
        f"{option} changes nothing: {facts.title} runs without classifier-free guidance here."
        for option, wished in wishes
        if wished
    )


def size_notes(target: Size, facts: FamilyFacts) -> tuple[str, ...]:
    """Warn of new pictures much smaller than those that the model knows."""
    if target.area >= facts.native.area * TOO_SMALL:
        return ()
    return (
        f"{facts.title} knows pictures of about {facts.native}; at {target} it makes poor ones.",
    )
