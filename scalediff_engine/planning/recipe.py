"""What made a result, as JSON: enough to make it again."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalediff_engine import __version__
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.settings import Method, Settings
from scalediff_engine.upscalers.network import shipped_hash
from scalediff_engine.upscalers.spec import FAST

if TYPE_CHECKING:
    from scalediff_engine.models.model import Model


def make_recipe(
    plan: Plan, settings: Settings, model: Model, loras: Sequence[tuple[Path, float]] = ()
) -> str:
    """Give the recipe of a result as a JSON object.

    Args:
        plan, settings, model: what made it
        loras: files that were fused into the model, each with its weight; what they hold is part
            of the model's hash
    """
    recipe: dict[str, Any] = {
        "program": "scalediff",
        "version": __version__,
        "command": "generate" if plan.from_noise else "upscale",
        "method": Method.SCALEDIFF.value,
        "model": model.facts.name,
        "model_sha256": model.weights_hash,
        "loras": [{"file": path.name, "weight": weight} for path, weight in loras],
        "device": model.device.type,
        "source": None if plan.from_noise else str(plan.source),
        "target": str(plan.target),
        "stages": stage_objects(plan),
        "settings": _chosen(settings, from_noise=plan.from_noise),
    }
    return _written(recipe, plan)


def make_fast_recipe(plan: Plan, settings: Settings) -> str:
    """Give the recipe of what the fast networks made, as a JSON object; see ``make_recipe``.

    Raises:
        ModelMissing: they are not there.
    """
    recipe: dict[str, Any] = {
        "program": "scalediff",
        "version": __version__,
        "command": "upscale",
        "method": Method.FAST.value,
        "model": FAST.name,
        "model_sha256": shipped_hash(),
        "loras": [],
        "device": "cpu",
        "source": str(plan.source),
        "target": str(plan.target),
        "stages": stage_objects(plan),
        "settings": {"method": Method.FAST.value, "seed": settings.seed},
    }
    return _written(recipe, plan)


def _written(recipe: dict[str, Any], plan: Plan) -> str:
    if plan.window is not None:
        recipe["window"] = plan.window._asdict()
    return json.dumps(recipe, ensure_ascii=False, allow_nan=False)


def stage_objects(plan: Plan) -> list[dict[str, Any]]:
    """Give what each stage of a plan is, with sizes as words.

    ``from_noise`` is true for a first stage that makes the picture. ``guided_sigmas`` is null for
    families that take their guidance as a number or have none.
    """
    return [
        {
            "canvas": str(stage.canvas),
            "from_noise": plan.from_noise and number == 0,
            "t_start": stage.t_start,
            "steps": stage.steps,
            "guidance": stage.guidance,
            "guided_sigmas": interval(stage.guided_sigmas),
        }
        for number, stage in enumerate(plan.stages)
    ]


def interval(sigmas: tuple[float, float] | None) -> list[float | None] | None:
    """Give an interval of noise levels as JSON can say it: null for an end that is not there."""
    if sigmas is None:
        return None
    return [sigma if math.isfinite(sigma) else None for sigma in sigmas]


def _chosen(settings: Settings, *, from_noise: bool) -> dict[str, Any]:
    """The settings without the one that this kind of job has no use for."""
    chosen = asdict(settings) | {
        "attention": settings.attention.value,
        "preset": settings.preset.value,
        "method": settings.method.value,
        "guided_sigmas": interval(settings.guided_sigmas),
    }
    del chosen["source_lock" if from_noise else "base_steps"]
    return chosen
