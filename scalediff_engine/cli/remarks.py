"""What a user may not have meant, with the options' names."""

from __future__ import annotations

from scalediff_engine.models.facts import FamilyFacts
from scalediff_engine.pipeline import remarks
from scalediff_engine.pipeline.plan import Plan
from scalediff_engine.pipeline.settings import Settings

_OPTIONS = remarks.Names("--guidance", "--negative", "--guidance-interval")


def unheard_notes(plan: Plan, settings: Settings, facts: FamilyFacts) -> tuple[str, ...]:
    """Name the options that the model has no ear for."""
    return remarks.unheard_notes(plan, settings, facts, _OPTIONS)
