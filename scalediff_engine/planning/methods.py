"""By diffusion or by the fast networks: whose facts hold, and whose plan."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.families import registry as families
from scalediff_engine.memory.choose import Room
from scalediff_engine.planning.plan import Plan, plan_upscale
from scalediff_engine.planning.plan_fast import plan_fast
from scalediff_engine.planning.settings import Method, Settings
from scalediff_engine.planning.wishes import ModelChoice
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.upscalers.spec import FAST


def chosen(choice: ModelChoice, settings: Settings) -> tuple[ModelChoice, FamilyFacts]:
    """Give what will work, and its facts; the fast networks run on the processor.

    Raises:
        ModelMissing: no such family and no such model.
        ModelError: it is there and cannot be used.
    """
    if settings.method is Method.FAST:
        return replace(choice, device="cpu"), FAST
    return choice, families.facts(choice.name, choice.loras)


def plan_method(
    source: Size,
    target: Size,
    facts: FamilyFacts,
    settings: Settings,
    room: Room | None = None,
    window: Box | None = None,
) -> Plan:
    """Settle an upscale by the method of the settings; see ``plan_upscale``."""
    if settings.method is Method.FAST:
        return plan_fast(source, target, window)
    return plan_upscale(source, target, facts, settings, room, window)
