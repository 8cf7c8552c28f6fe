"""What a user may not have meant, with the options' names."""

from __future__ import annotations

from scalediff_engine.planning import remarks
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts

_OPTIONS = remarks.Names("--guidance", "--negative", "--guidance-interval")


def unheard_notes(plan: Plan, settings: Settings, facts: FamilyFacts) -> tuple[str, ...]:
    """Name the options that the model has no ear for."""
    return remarks.unheard_notes(plan, settings, facts, _OPTIONS)
