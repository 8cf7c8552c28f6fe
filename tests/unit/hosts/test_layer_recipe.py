from __future__ import annotations

import json

import pytest

from scalediff_engine.hosts.placement import Rect
from scalediff_engine.hosts.recipe import LayerRecipe, read_recipe, write_recipe
from scalediff_engine.wire.messages import Lora, UpscaleSettings

RECIPE = LayerRecipe(
    UpscaleSettings(scale=2.5, prompt="Mühle", loras=[Lora("a.safetensors", 0.5)], seed=7),
    "Hintergrund",
    Rect(-3, 4, 50, 60),
    {"model": "embedded", "stages": [1, 2]},
)


def test_a_recipe_comes_back() -> None:
    assert read_recipe(write_recipe(RECIPE)) == RECIPE


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", '{"scalediff": 2}', '{"scalediff": 1, "settings": 3}']
)
def test_what_is_no_recipe_is_none(text: str) -> None:
    assert read_recipe(text) is None


@pytest.mark.parametrize("key", ["settings", "area", "source", "made"])
def test_one_that_lacks_something_is_none(key: str) -> None:
    held = json.loads(write_recipe(RECIPE))
    del held[key]
    assert read_recipe(json.dumps(held)) is None
