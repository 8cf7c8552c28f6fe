from __future__ import annotations

from pathlib import Path

import fake_gimp  # noqa: F401 - so that the plug-in can be imported
import pytest
from scalediff_gimp.client.messages import Lora, UpscaleSettings
from scalediff_gimp.plugin_common.placement import Canvas
from scalediff_gimp.wishes import (
    FAST,
    Wishes,
    canvas_for,
    from_arguments,
    in_place,
    remember,
    remembered,
    to_arguments,
)

from scalediff_engine.planning.settings import Method
from scalediff_engine.planning.settings_parsing import settings_of

FULL = UpscaleSettings(
    scale=3.0,
    model="sdxl",
    prompt="шерсть 羊毛",
    creativity=0.25,
    seed=7,
    steps=9,
    loras=[Lora("a.safetensors", 0.5)],
    jitter=False,
)


def test_what_arguments_say_and_what_settings_say_comes_back() -> None:
    assert from_arguments(to_arguments(FULL)) == FULL
    assert from_arguments(to_arguments(UpscaleSettings(scale=4.0))) == UpscaleSettings(scale=4.0)
    sized = UpscaleSettings(width=640, height=480)
    assert from_arguments(to_arguments(sized)) == sized


def test_texts_that_gimp_gives_as_nothing_are_empty() -> None:
    found = from_arguments({"scale": 2.0, "prompt": None, "settings": None, "creativity": -1.0})
    assert found == UpscaleSettings(scale=2.0)


def test_settings_go_before_arguments() -> None:
    found = from_arguments({"scale": 2.0, "settings": '{"width": 100, "steps": 3}'})
    assert (found.scale, found.width, found.steps) == (None, 100, 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"a": 1}', "knows no 'a'"),
        ('{"seed": "x"}', "seed"),
    ],
)
def test_settings_that_are_wrong_are_named(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_arguments({"settings": text})


def test_in_place_is_not_locked_to_its_source() -> None:
    assert not in_place(UpscaleSettings()).source_lock


def test_in_place_asks_the_fast_method_for_nothing_that_it_does_not_have() -> None:
    for asked in (UpscaleSettings(method=FAST), from_arguments({"settings": '{"method": "fast"}'})):
        assert settings_of(in_place(asked)).method is Method.FAST


@pytest.mark.parametrize(
    ("last", "default", "canvas"),
    [
        (None, Canvas.SCALE, Canvas.SCALE),
        (None, Canvas.KEEP, Canvas.KEEP),
        (Wishes(FULL, Canvas.KEEP, Canvas.SCALE), Canvas.SCALE, Canvas.KEEP),
        (Wishes(FULL, Canvas.GROW, Canvas.KEEP), Canvas.KEEP, Canvas.GROW),
        (Wishes(FULL, Canvas.SCALE, Canvas.SCALE), Canvas.KEEP, Canvas.KEEP),
        (Wishes(FULL, Canvas.KEEP, Canvas.KEEP), Canvas.SCALE, Canvas.SCALE),
        (Wishes(FULL, Canvas.NEW, Canvas.KEEP), Canvas.SCALE, Canvas.NEW),
        (Wishes(FULL, Canvas.IN_PLACE, Canvas.SCALE), Canvas.KEEP, Canvas.IN_PLACE),
    ],
)
def test_a_choice_of_canvas_holds_for_what_it_was_made_for(
    last: Wishes | None, default: Canvas, canvas: Canvas
) -> None:
    assert canvas_for(last, default) is canvas


def test_what_was_wanted_last_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "last.json"
    assert remembered(file) is None
    remember(Wishes(FULL, Canvas.GROW, Canvas.SCALE), file)
    assert remembered(file) == Wishes(FULL, Canvas.GROW, Canvas.SCALE)
    assert [each.name for each in tmp_path.iterdir()] == ["last.json"]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"scalediff": 2}', "\x00", '{"scalediff": 1, "settings": 3}']
)
def test_a_file_that_says_nothing_is_passed_over(tmp_path: Path, text: str) -> None:
    file = tmp_path / "last.json"
    file.write_text(text)
    assert remembered(file) is None


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    remember(Wishes(FULL), tmp_path / "missing" / "last.json")
