from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.flux.spec import FLUX_DEV, FLUX_SCHNELL
from scalediff_engine.families.registry import all_forms
from scalediff_engine.families.sd15.spec import SD15
from scalediff_engine.families.sdxl.spec import SDXL, SDXL_LIGHTNING
from scalediff_engine.planning.plan import Plan, plan_upscale
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts

TREE = Settings(prompt="a tree")


def plan(width: int, height: int, facts: FamilyFacts = SDXL, settings: Settings = TREE) -> Plan:
    return plan_generate(Size(width, height), facts, settings)


def canvases(width: int, height: int, facts: FamilyFacts = SDXL) -> list[str]:
    return [str(stage.canvas) for stage in plan(width, height, facts).stages]


def test_a_square_doubles_from_the_native_size() -> None:
    assert canvases(4096, 4096) == ["1024x1024", "2048x2048", "4096x4096"]
    assert canvases(2048, 2048, SD15) == ["512x512", "1024x1024", "2048x2048"]


def test_up_to_the_native_area_there_is_only_the_base() -> None:
    assert canvases(1024, 1024) == ["1024x1024"]
    assert canvases(160, 128) == ["160x128"]
    assert canvases(1216, 832) == ["1216x832"]
    assert canvases(1, 1) == ["32x32"]
    assert canvases(1000, 1040) == ["1024x1056"]  # a little more is no reason for a stage


def test_the_base_has_the_native_area_in_the_targets_proportions() -> None:
    assert canvases(3840, 2160)[0] == "1344x768"
    assert canvases(2160, 3840)[0] == "768x1344"
    assert canvases(3840, 2160, FLUX_DEV)[0] == "1360x768"


def test_a_little_beyond_a_doubling_costs_no_stage() -> None:
    assert canvases(2080, 2048) == ["1056x1024", "2080x2048"]
    assert len(canvases(2200, 2200)) == 3


@given(st.integers(1, 5000), st.floats(1 / 15, 15), st.sampled_from([SDXL, SD15, FLUX_DEV]))
def test_any_size_is_reached_in_steps_of_about_two(
    width: int, proportion: float, facts: FamilyFacts
) -> None:
    target = Size(width, max(1, round(width * proportion)))
    assume(max(target) <= 16 * min(target))  # rounding makes strips of small ones
    made = plan_generate(target, facts, TREE)
    sizes = [stage.canvas for stage in made.stages]
    assert all(side % facts.multiple == 0 for size in sizes for side in size)
    assert sizes[-1] == target.padded(facts.multiple)
    assert made.target == target
    if len(sizes) > 1:
        # multiples of 64 are coarse where a strip is a few of them wide
        assert 0.6 < sizes[0].area / facts.native.area < 1.6
    for small, large in itertools.pairwise(sizes):
        assert large.width <= 2.1 * small.width
        assert large.height <= 2.1 * small.height
        assert large.area > small.area


def test_the_base_runs_the_familys_whole_schedule_and_the_stages_their_defaults() -> None:
    base, first, second = plan(4096, 4096).stages
    assert (base.t_start, base.steps, base.guidance) == (999, 50, 7.5)
    assert base.guided_sigmas == (0, math.inf)  # as it was published
    defaults = SDXL.stage_defaults(2)
    found = [(s.t_start, s.steps, s.guidance) for s in (first, second)]
    assert found == [(d.t_start, d.steps, d.guidance) for d in defaults]
    assert (plan(8, 8, FLUX_DEV).stages[0].t_start, plan(8, 8, FLUX_DEV).stages[0].steps) == (
        1000,
        30,
    )
    for few in (FLUX_SCHNELL, SDXL_LIGHTNING):
        stage = plan(8, 8, few).stages[0]
        assert (stage.steps, stage.guidance, stage.guided_sigmas) == (4, 1.0, None)


def test_what_the_user_says_goes_before_the_familys_defaults() -> None:
    asked = replace(TREE, base_steps=7, steps=3, guidance=2.0, guided_sigmas=(1.0, 2.0))
    base, stage = plan(2048, 2048, SDXL, asked).stages
    assert (base.steps, base.guidance, base.guided_sigmas) == (7, 2.0, (1.0, 2.0))
    assert (stage.steps, stage.guidance, stage.guided_sigmas) == (3, 2.0, (1.0, 2.0))
    assert plan(8, 8, SDXL, replace(TREE, base_steps=1000)).stages[0].steps == 999


def test_creativity_is_the_stages_affair() -> None:
    base, stage = plan(2048, 2048, SDXL, replace(TREE, creativity=1)).stages
    assert (base.t_start, stage.t_start) == (999, SDXL.t_start_limit)


def test_a_new_picture_costs_more_than_enlarging_one() -> None:
    new = plan(2048, 2048)
    old = plan_upscale(Size(1024, 1024), Size(2048, 2048), SDXL, TREE)
    assert new.from_noise
    assert not old.from_noise
    assert new.cost.gflop > old.cost.gflop
    assert new.cost.peak_bytes == old.cost.peak_bytes


def test_the_embedded_model_is_refused_with_those_that_work() -> None:
    with pytest.raises(UsageError, match=r"cannot make new ones.*XL, FLUX\.1.*--model"):
        plan(512, 512, EMBEDDED)


@pytest.mark.parametrize("family", all_forms(), ids=lambda family: family.name)
def test_every_other_family_makes_pictures(family: FamilyFacts) -> None:
    if family is EMBEDDED:
        return
    stage = plan(3000, 2000, family).stages[0]
    assert family.train_timesteps - 1 <= stage.t_start <= family.train_timesteps
    assert stage.steps >= 4


@pytest.mark.parametrize(
    ("size", "words"),
    [((30_000, 30_000), "900 MP"), ((4096, 100), "41 times"), ((1, 64), "64 times")],
)
def test_absurd_sizes_are_refused_with_what_works(size: tuple[int, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan(*size)


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(UsageError, match="prompt is empty"):
        plan(1024, 1024, SDXL, Settings(prompt=prompt))


def test_each_axis_has_a_multiple_of_its_own() -> None:
    facts = replace(SDXL, multiple=Size(32, 64))
    made = plan_generate(Size(3000, 2000), facts, TREE)
    sizes = [stage.canvas for stage in made.stages]
    assert len(sizes) > 1
    assert all(size.width % 32 == 0 and size.height % 64 == 0 for size in sizes)
    assert sizes[-1] == Size(3008, 2048)
