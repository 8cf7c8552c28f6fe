"""Settings without effect: which, with which method and model, and in which words."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.registry import registered
from scalediff_engine.planning.notes import SETTINGS, Asked, unused_notes
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.planner import plan_method
from scalediff_engine.planning.settings import Attention, Method, Preset, Settings, settled
from scalediff_engine.planning.settings_parsing import ModelChoice
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.upscalers.spec import FAST

SOURCE, TARGET = Size(512, 512), Size(2048, 2048)


class Case(NamedTuple):
    facts: FamilyFacts
    settings: Settings = Settings()
    new_size: Size | None = None


def family(name: str) -> FamilyFacts:
    found = registered(name)
    assert found is not None
    return found


CASES = {
    "fast": Case(FAST, Settings(method=Method.FAST)),
    "embedded": Case(EMBEDDED),
    "sdxl": Case(family("sdxl")),
    "flux": Case(family("flux")),
    "enlarged alone": Case(family("sdxl"), Settings(creativity=0)),
    "generate": Case(family("sdxl"), Settings("a tree"), TARGET),
    "generate, one stage": Case(family("sdxl"), Settings("a tree"), Size(1024, 1024)),
}
# A value of each, and the cases in which it has no effect.
WITHOUT_EFFECT: dict[str, tuple[Any, set[str]]] = {
    "name": ("other", {"fast"}),
    "device": ("cuda", {"fast"}),
    "loras": (((Path("a"), 1.0),), {"fast"}),
    "text_encoders_from": ("other", {"fast", "embedded"}),
    "prompt": ("a harbour", {"fast", "embedded", "enlarged alone"}),
    "negative": ("fog", {"fast", "embedded", "flux", "enlarged alone"}),
    "preset": (Preset.BEST, {"fast", "enlarged alone"}),
    "creativity": (0.7, {"fast", "generate, one stage"}),
    "structure": (0.5, {"fast", "enlarged alone", "generate, one stage"}),
    "steps": (5, {"fast", "enlarged alone", "generate, one stage"}),
    "guidance": (3.0, {"fast", "enlarged alone"}),
    "guided_sigmas": ((0.5, 2.0), {"fast", "embedded", "flux", "enlarged alone"}),
    "seed": (7, {"fast", "enlarged alone"}),
    "attention": (Attention.DIRECT, {"fast", "enlarged alone", "generate, one stage"}),
    "latent_frequency_mixing": (False, {"fast", "enlarged alone", "generate, one stage"}),
    "structure_guidance": (False, {"fast", "enlarged alone", "generate, one stage"}),
    "jitter": (False, {"fast", "enlarged alone", "generate, one stage"}),
    "source_lock": (False, {"fast"}),
}


def asked(case: Case, **wanted: Any) -> Asked:
    settings, choice = case.settings, ModelChoice()
    for field, value in wanted.items():
        if field in vars(choice):
            choice = replace(choice, **{field: value})
        else:
            settings = replace(settings, **{field: value})
    made = settled(settings, case.facts)
    if case.new_size is not None:
        plan = plan_generate(case.new_size, case.facts, made)
    else:
        plan = plan_method(SOURCE, TARGET, case.facts, made)
    return Asked(settings, choice, case.facts, plan, by_options=True)


@pytest.mark.parametrize(
    ("field", "name"),
    # creativity is what "enlarged alone" is about
    sorted({*product(WITHOUT_EFFECT, CASES)} - {("creativity", "enlarged alone")}),
)
def test_an_option_without_effect_is_named_and_no_other(field: str, name: str) -> None:
    value, cases = WITHOUT_EFFECT[field]
    option = next(setting.option for setting in SETTINGS if setting.field == field)
    notes = unused_notes(asked(CASES[name], **{field: value}))
    if name not in cases:
        assert notes == ()
    else:
        (note,) = notes
        assert note.startswith(f"{option} has no effect")
        assert note.endswith(".")


def test_what_was_not_asked_for_is_not_named() -> None:
    for case in CASES.values():
        assert unused_notes(asked(case)) == ()


def test_every_setting_is_in_the_table() -> None:
    # base steps are an option of `generate` alone, where they always have an effect
    known = {setting.field for setting in SETTINGS} | {"method", "base_steps"}
    assert known == {*vars(Settings()), *vars(ModelChoice())} - {"begins_with_network"}
    assert set(WITHOUT_EFFECT) == {setting.field for setting in SETTINGS}


def test_options_that_lack_effect_for_one_reason_share_a_sentence() -> None:
    wanted = {"prompt": "a", "steps": 3, "source_lock": False}
    assert unused_notes(asked(CASES["fast"], **wanted)) == (
        "--prompt, --steps, --no-source-lock have no effect with --method fast.",
    )


@pytest.mark.parametrize(
    ("wanted", "note"),
    [
        ({"structure": 0.5, "structure_guidance": False}, "--structure has no effect with --no-sg"),
        (
            {"jitter": False, "attention": Attention.DIRECT},
            "--no-jitter has no effect with --attention direct",
        ),
        ({"guidance": 1.0, "negative": "fog"}, "--negative has no effect: Stable Diffusion XL"),
        ({"guidance": 0.5}, "--guidance 0.5 turns guidance off"),
    ],
)
def test_an_option_can_take_the_effect_of_another(wanted: dict[str, Any], note: str) -> None:
    (found,) = unused_notes(asked(CASES["sdxl"], **wanted))
    assert found.startswith(note)


def test_guidance_of_one_or_less_is_what_turns_it_off() -> None:
    assert unused_notes(asked(CASES["embedded"], guidance=1.0)) == ()
    (note,) = unused_notes(asked(CASES["embedded"], guidance=0.5))
    assert note == "--guidance 0.5 turns guidance off, as 1 does."


@pytest.mark.parametrize("prompt", ["a painting", "Sharp PHOTO of a harbour"])
def test_words_that_the_embedded_model_knows_have_an_effect(prompt: str) -> None:
    assert unused_notes(asked(CASES["embedded"], prompt=prompt)) == ()


def test_dialogs_hear_names_of_settings_and_nothing_of_the_seed_that_they_always_send() -> None:
    wanted = {"seed": 7, "loras": ((Path("a"), 1.0),)}
    heard = asked(CASES["fast"], **wanted)._replace(by_options=False)
    assert unused_notes(heard) == ("LoRAs have no effect with the fast method.",)
