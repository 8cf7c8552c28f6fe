"""What made a result, as JSON: enough to make it again."""

from __future__ import annotations

import json
from dataclasses import asdict

from scalediff_engine import __version__
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.plan import Plan
from scalediff_engine.pipeline.settings import Settings


def make_recipe(plan: Plan, settings: Settings, model: Model) -> str:
    """Give the recipe of a result as a JSON object."""
    chosen = asdict(settings) | {"attention": settings.attention.value}
    return json.dumps(
        {
            "program": "scalediff",
            "version": __version__,
            "model": model.facts.name,
            "model_sha256": model.weights_hash,
            "device": model.device.type,
            "source": str(plan.source),
            "target": str(plan.target),
            "stages": [
                {
                    "canvas": str(stage.canvas),
                    "t_start": stage.t_start,
                    "steps": stage.steps,
                    "guidance": stage.guidance,
                }
                for stage in plan.stages
            ],
            "settings": chosen,
        },
        ensure_ascii=False,
    )
