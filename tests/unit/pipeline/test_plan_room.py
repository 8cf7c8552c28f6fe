"""Plans for a device: what is chosen for its memory goes along with what is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.flux.spec import FLUX_DEV
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.memory.device_info import Device
from scalediff_engine.memory.plan import MemoryBudget, MemoryPlan, choose_plans
from scalediff_engine.planning.plan import Plan, plan_upscale, stage_loads
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.spec.footprint import GIB

SETTINGS = Settings(prompt="a tree")
CARD = Device("a card", 24 * GIB, 64 * GIB, 50_000.0, compiles=True)
# of so many pictures that compiling pays for any model
ROOMY = MemoryBudget(CARD, pictures=1000)
TIGHT = replace(ROOMY, limit_bytes=7 * GIB)

Planning = Callable[[FamilyFacts, MemoryBudget | None], Plan]


def upscale(facts: FamilyFacts, room: MemoryBudget | None) -> Plan:
    return plan_upscale(Size(1024, 1024), Size(4096, 4096), facts, SETTINGS, room)


def generate(facts: FamilyFacts, room: MemoryBudget | None) -> Plan:
    return plan_generate(Size(4096, 4096), facts, SETTINGS, room)


both = pytest.mark.parametrize("planning", [upscale, generate])
families = pytest.mark.parametrize("facts", [SDXL, FLUX_DEV], ids=lambda facts: facts.name)


@both
@families
@pytest.mark.parametrize("room", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_what_is_chosen_for_the_stages_goes_into_the_plan(
    planning: Planning, facts: FamilyFacts, room: MemoryBudget
) -> None:
    plan = planning(facts, room)
    loads = stage_loads(plan, facts, SETTINGS)
    start = None if plan.from_noise or plan.sizes.start == loads[0].canvas else plan.sizes.start
    choice = choose_plans(facts.footprint, start, loads, room)
    assert (plan.memory, plan.compiled, plan.cost) == (
        choice.plans,
        choice.compiled,
        choice.cost,
    )
    assert plan.compiled
    assert len(plan.memory) > 1


@both
@families
def test_a_tight_device_changes_how_it_is_computed_and_not_what(
    planning: Planning, facts: FamilyFacts
) -> None:
    roomy, tight = planning(facts, ROOMY), planning(facts, TIGHT)
    assert tight.cost.peak_bytes < roomy.cost.peak_bytes
    assert tight.cost.gflop >= roomy.cost.gflop
    assert tight.memory[0] != roomy.memory[0]
    assert (tight.sizes, tight.stages, tight.target) == (roomy.sizes, roomy.stages, roomy.target)


@both
def test_a_device_without_a_compiler_compiles_nothing(planning: Planning) -> None:
    assert not planning(FLUX_DEV, replace(ROOMY, device=replace(CARD, compiles=False))).compiled


@both
def test_without_a_room_there_is_one_plan_of_many_small_steps(planning: Planning) -> None:
    plan = planning(SDXL, None)
    assert plan.memory == (MemoryPlan(batch_pixels=0),)
    assert not plan.compiled


def test_the_small_model_has_one_plan_on_any_device() -> None:
    plain = upscale(EMBEDDED, None)
    assert plain.memory == (MemoryPlan(batch_pixels=0),)
    for room in (ROOMY, TIGHT, MemoryBudget(CARD, limit_bytes=1, scale=2.0, pictures=1000)):
        assert upscale(EMBEDDED, room) == plain


def test_an_enlarged_pictures_own_size_is_encoded_too() -> None:
    # Latent Frequency Mixing of the first stage wants it
    device = replace(CARD, compiles=False)
    odd = plan_upscale(Size(1500, 1500), Size(1600, 1600), SDXL, SETTINGS, MemoryBudget(device))
    assert odd.sizes.start not in odd.sizes.canvases
    alone = choose_plans(
        SDXL.footprint, None, stage_loads(odd, SDXL, SETTINGS), MemoryBudget(device)
    )
    assert odd.cost.gflop > alone.cost.gflop


def test_a_new_pictures_first_stage_encodes_nothing() -> None:
    device = replace(CARD, compiles=False)
    new = plan_generate(SDXL.native, SDXL, SETTINGS, MemoryBudget(device))
    loads = stage_loads(new, SDXL, SETTINGS)
    assert [load.encodes for load in loads] == [False]
    encoding = [replace(load, encodes=True) for load in loads]
    assert (
        choose_plans(SDXL.footprint, None, encoding, MemoryBudget(device)).cost.gflop
        > new.cost.gflop
    )
