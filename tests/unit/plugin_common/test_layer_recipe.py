from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scalediff_engine.client.messages import Lora, UpscaleSettings
from scalediff_engine.plugin_common.placement import Canvas, Rect, SourcePlace
from scalediff_engine.plugin_common.recipe import LayerRecipe, read_recipe, write_recipe

RECIPE = LayerRecipe(
    UpscaleSettings(scale=2.5, prompt="Mühle", loras=[Lora("a.safetensors", 0.5)], seed=7),
    "Hintergrund",
    Rect(-3, 4, 50, 60),
    {"model": "embedded", "stages": [1, 2]},
)


@pytest.mark.parametrize(
    "place",
    [None, SourcePlace((90, 80)), SourcePlace((90, 80), Rect(-3, 4, 50, 60), (-3, 5))],
)
def test_a_recipe_comes_back(place: SourcePlace | None) -> None:
    recipe = replace(RECIPE, source_id="7", canvas=Canvas.GROW, place=place, is_whole=True)
    assert read_recipe(write_recipe(recipe)) == recipe


def test_a_recipe_is_ascii_as_parasites_are() -> None:
    assert not RECIPE.settings.prompt.isascii()
    assert write_recipe(RECIPE).isascii()


def test_a_recipe_without_a_place_is_read() -> None:
    held = json.loads(write_recipe(RECIPE))
    del held["place"], held["is_whole"]
    assert read_recipe(json.dumps(held)) == RECIPE


def test_a_place_that_makes_no_sense_is_no_recipe() -> None:
    held = json.loads(write_recipe(RECIPE))
    for place in ([], {"canvas": [1]}, {"canvas": [1, 2], "position": [0, 0], "bounds": {}}):
        assert read_recipe(json.dumps({**held, "place": place})) is None


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
