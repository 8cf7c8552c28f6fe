from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.flux.spec import FLUX_DEV
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.recipe import make_recipe
from scalediff_engine.planning.settings import EVERY_SIGMA, Settings
from scalediff_engine.spec.family import FamilyFacts

ASKED = Settings(prompt="a tree", seed=7, guided_sigmas=EVERY_SIGMA)


def model(facts: FamilyFacts) -> Any:
    return SimpleNamespace(facts=facts, weights_hash="abc", device=torch.device("cpu"))


def strict(text: str) -> dict[str, Any]:
    """What a reader makes of it that knows JSON and not Python's additions to it."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def test_a_new_pictures_recipe_names_the_prompt_the_seed_the_model_and_its_loras() -> None:
    plan = plan_generate(Size(2048, 2048), SDXL, ASKED)
    loras = [(Path("folder") / "soft.safetensors", 0.5)]
    recipe = strict(make_recipe(plan, ASKED, model(SDXL), loras))
    assert recipe["command"] == "generate"
    assert (recipe["source"], recipe["target"]) == (None, "2048x2048")
    assert (recipe["model"], recipe["model_sha256"]) == ("sdxl", "abc")
    assert recipe["loras"] == [{"file": "soft.safetensors", "weight": 0.5}]
    assert (recipe["settings"]["prompt"], recipe["settings"]["seed"]) == ("a tree", 7)
    assert "source_lock" not in recipe["settings"]
    base, stage = recipe["stages"]
    assert base == {
        "canvas": "1024x1024",
        "from_noise": True,
        "t_start": 999,
        "steps": 50,
        "guidance": 7.5,
        "guided_sigmas": [0.0, None],
    }
    assert (stage["from_noise"], stage["canvas"]) == (False, "2048x2048")


def test_an_upscales_recipe_says_where_guidance_was_applied() -> None:
    for facts, sigmas in ((SDXL, [0.28, 5.42]), (FLUX_DEV, None)):
        settings = Settings()
        plan = plan_upscale(Size(1024, 1024), Size(2048, 2048), facts, settings)
        recipe = strict(make_recipe(plan, settings, model(facts)))
        assert recipe["command"] == "upscale"
        assert recipe["source"] == "1024x1024"
        assert recipe["loras"] == []
        assert [stage["guided_sigmas"] for stage in recipe["stages"]] == [sigmas]
        assert recipe["settings"]["source_lock"] is True
        assert recipe["settings"]["preset"] == "balanced"
