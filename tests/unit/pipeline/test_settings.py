from __future__ import annotations

import math

import pytest

from scalediff_engine.base.errors import UsageError
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.flux.spec import FLUX_DEV, FLUX_SCHNELL
from scalediff_engine.families.registry import all_forms
from scalediff_engine.families.sdxl.spec import SDXL, SDXL_LIGHTNING
from scalediff_engine.planning.settings import EVERY_SIGMA, Attention, Preset, Settings, settled
from scalediff_engine.planning.settings_parsing import parse_choice
from scalediff_engine.spec.family import FamilyFacts


def steps(facts: FamilyFacts, preset: Preset) -> tuple[int | None, int | None]:
    found = settled(Settings(preset=preset), facts)
    return found.steps, found.base_steps


def test_values_of_a_setting_are_known_by_name() -> None:
    assert parse_choice(Attention, "multidiffusion", "--attention") is Attention.MULTIDIFFUSION
    assert parse_choice(Preset, "best", "--preset") is Preset.BEST
    message = r"--preset must be one of fast, balanced, best \(got 'quick'\)\."
    with pytest.raises(UsageError, match=message):
        parse_choice(Preset, "quick", "--preset")


def test_balanced_leaves_everything_to_the_family() -> None:
    for family in all_forms():
        assert settled(Settings(), family) == Settings()


def test_fast_and_best_are_what_the_page_says() -> None:
    assert steps(SDXL, Preset.FAST) == (12, 30)
    assert steps(SDXL, Preset.BEST) == (30, 50)
    assert steps(FLUX_DEV, Preset.FAST) == (11, 20)
    assert steps(FLUX_DEV, Preset.BEST) == (28, 50)
    for few in (FLUX_SCHNELL, SDXL_LIGHTNING):
        assert steps(few, Preset.FAST) == (2, 2)
        assert steps(few, Preset.BEST) == (8, 8)
    assert steps(EMBEDDED, Preset.FAST) == (2, None)


@pytest.mark.parametrize("family", all_forms(), ids=lambda family: family.name)
def test_fast_is_less_work_than_the_default_and_best_is_more(family: FamilyFacts) -> None:
    usual = [stage.steps for row in family.stage_table for stage in row]
    assert family.fast.steps is not None
    assert family.best.steps is not None
    assert family.fast.steps < min(usual)
    assert max(usual) < family.best.steps
    if family.base is not None:
        assert family.fast.base_steps is not None
        assert family.best.base_steps is not None
        assert family.fast.base_steps < family.base.steps <= family.best.base_steps


def test_the_best_guides_at_every_noise_level_where_guidance_is_applied_at_all() -> None:
    assert settled(Settings(preset=Preset.BEST), SDXL).guided_sigmas == EVERY_SIGMA
    assert settled(Settings(preset=Preset.BEST), FLUX_DEV).guided_sigmas is None
    assert settled(Settings(preset=Preset.FAST), SDXL).guided_sigmas is None


def test_what_the_user_says_goes_before_the_preset() -> None:
    asked = Settings(preset=Preset.BEST, steps=3, base_steps=4, guided_sigmas=(1.0, 2.0))
    assert settled(asked, SDXL) == asked


def test_settling_twice_changes_nothing() -> None:
    once = settled(Settings(preset=Preset.BEST), SDXL)
    assert settled(once, SDXL) == once


@pytest.mark.parametrize(
    "sigmas",
    [(2.0, 1.0), (1.0, 1.0), (-1.0, 2.0), (math.nan, 1.0), (0.0, math.nan), (math.inf, math.inf)],
)
def test_an_interval_goes_from_a_noise_level_to_a_higher_one(sigmas: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match=r"such as 0\.28 to 5\.42"):
        Settings(guided_sigmas=sigmas)


def test_an_interval_may_be_open_at_the_top() -> None:
    assert Settings(guided_sigmas=EVERY_SIGMA).guided_sigmas == (0.0, math.inf)


@pytest.mark.parametrize("wrong", [{"base_steps": 0}, {"base_steps": 1001}, {"steps": 1001}])
def test_steps_have_a_range(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="between 1 and 1000"):
        Settings(**wrong)
