"""What is chosen and what it costs, without a widget."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_gateway import FakeGateway, FakeLater, models, plan_for

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Lora, ModelList, Problem, UpscaleSettings
from scalediff_engine.ui.upscale.choices import Choices, Extent, Unit, from_settings
from scalediff_engine.ui.upscale.model import PLAN_DELAY_MS, UpscaleModel
from scalediff_engine.ui.upscale.remembered import FamilyMemory, Memory

SOURCE = Size(1000, 600)


@pytest.fixture
def model(gateway: FakeGateway, later: FakeLater) -> UpscaleModel:
    return UpscaleModel(gateway, later, SOURCE, Memory(), dice=lambda: 77)


def test_the_cost_is_asked_for_at_once(model: UpscaleModel, gateway: FakeGateway) -> None:
    model.begin()
    asked = gateway.last("plan")
    assert asked.args[0].width == 1000
    assert asked.args[0].settings.scale == 4
    asked.succeed(plan_for(asked.args[0]))
    assert model.cost.is_current
    assert model.can_start


def test_many_changes_ask_once(model: UpscaleModel, gateway: FakeGateway, later: FakeLater) -> None:
    for step in range(20):
        model.change(replace(model.choices, structure=step / 100))
        later.pass_ms(PLAN_DELAY_MS // 2)
    assert not gateway.all("plan")
    later.pass_ms(PLAN_DELAY_MS)
    assert [asked.args[0].settings.structure for asked in gateway.all("plan")] == [0.19]


def test_an_old_answer_is_not_shown_for_new_choices(
    model: UpscaleModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.begin()
    old = gateway.last("plan")
    model.change(replace(model.choices, extent=Extent(scale=2)))
    old.succeed(plan_for(old.args[0]))
    assert not model.cost.is_current
    assert model.cost.plan is None
    later.pass_ms(PLAN_DELAY_MS)
    new = gateway.last("plan")
    new.succeed(plan_for(new.args[0]))
    assert model.cost.plan is not None
    assert model.cost.plan.width == 2000


def test_the_figures_stay_to_be_seen_while_new_ones_come(
    model: UpscaleModel, gateway: FakeGateway
) -> None:
    model.begin()
    asked = gateway.last("plan")
    asked.succeed(plan_for(asked.args[0]))
    model.change(replace(model.choices, structure=0.5))
    assert model.cost.plan is not None
    assert not model.cost.is_current


def test_what_does_not_fit_cannot_be_started(model: UpscaleModel, gateway: FakeGateway) -> None:
    model.begin()
    asked = gateway.last("plan")
    problem = Problem("not-enough-memory", "This needs 9.4 GiB; 3072x3072 would fit.")
    asked.succeed(plan_for(asked.args[0], problem))
    assert not model.can_start
    assert model.cost.problem == problem
    assert model.cost.plan is not None


def test_an_engine_that_is_away_is_asked_again(
    model: UpscaleModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.begin()
    gateway.last("plan").fail("It is away.", "engine-unreachable")
    assert not model.can_start
    later.pass_ms(5000)
    asked = gateway.last("plan")
    asked.succeed(plan_for(asked.args[0]))
    assert model.can_start


def test_another_family_brings_back_what_it_was_used_with(
    gateway: FakeGateway, later: FakeLater
) -> None:
    memory = Memory(families={"sdxl": FamilyMemory("best", creativity=0.7, structure=0.2)})
    model = UpscaleModel(gateway, later, SOURCE, memory)
    model.begin()
    gateway.last("models").succeed(models())
    assert model.creativity == 0.4
    model.change(replace(model.choices, model="sdxl"))
    assert (model.choices.preset, model.creativity, model.choices.structure) == ("best", 0.7, 0.2)


def test_a_model_that_is_not_here_any_more_makes_way(
    gateway: FakeGateway, later: FakeLater
) -> None:
    model = UpscaleModel(gateway, later, SOURCE, Memory(model="gone"))
    model.begin()
    gateway.last("models").succeed(models())
    assert model.choices.model == "embedded"


def test_what_the_host_asked_for_stays_as_it_is(gateway: FakeGateway, later: FakeLater) -> None:
    told = UpscaleSettings(
        width=2000, height=1200, model="a/b", loras=[Lora("/x", 0.5)], creativity=0.1
    )
    model = UpscaleModel(gateway, later, SOURCE, Memory(model="sdxl"), from_settings(told, SOURCE))
    model.begin()
    gateway.last("models").succeed(models())
    assert model.choices.settings(SOURCE) == told


def test_a_locked_seed_stays_and_an_open_one_is_thrown(model: UpscaleModel) -> None:
    model.change(replace(model.choices, seed=5))
    assert model.start().seed == 5
    model.change(replace(model.choices, seed_is_locked=False))
    assert model.start().seed == 77


def test_the_dice_gives_another_seed(model: UpscaleModel) -> None:
    model.throw_dice()
    assert model.choices.seed == 77


def test_starting_remembers_the_choices_of_the_family(
    model: UpscaleModel, gateway: FakeGateway
) -> None:
    model.begin()
    gateway.last("models").succeed(models())
    model.change(replace(model.choices, creativity=0.9, prompt="a secret"))
    model.start()
    assert model.memory.families["embedded"].creativity == 0.9
    assert "secret" not in repr(model.memory)


def test_a_size_is_asked_for_as_a_size(model: UpscaleModel) -> None:
    model.say_in(Unit.PIXELS)
    settings = model.choices.settings(SOURCE)
    assert (settings.scale, settings.width, settings.height) == (None, 4000, 2400)


def test_no_models_are_asked_for_again(
    model: UpscaleModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.begin()
    gateway.last("models").fail("It is away.")
    assert model.models_problem is not None
    later.pass_ms(5000)
    gateway.last("models").succeed(ModelList([]))
    assert model.models_problem is None


def test_choices_come_back_from_what_was_asked_for() -> None:
    choices = Choices(extent=Extent(scale=3), prompt="a", seed=4, steps=9, strip=True)
    assert from_settings(choices.settings(SOURCE), SOURCE).settings(SOURCE) == choices.settings(
        SOURCE
    )


def test_the_fast_method_is_asked_for_alone_and_the_rest_is_kept(model: UpscaleModel) -> None:
    chosen = Choices(
        extent=Extent(scale=3),
        model="sdxl",
        prompt="a harbour",
        preset="best",
        creativity=0.2,
        steps=4,
        source_lock=False,
        device="cuda",
        seed=9,
        max_memory_gib=4.0,
        loras=(Lora("/x", 0.5),),
    )
    model.change(replace(chosen, method="fast"))
    fast = UpscaleSettings(scale=3.0, seed=9, max_memory_gib=4.0, method="fast")
    assert model.choices.settings(SOURCE) == fast
    assert from_settings(fast, SOURCE).settings(SOURCE) == fast
    model.change(replace(model.choices, method="scalediff"))
    assert model.choices.settings(SOURCE) == chosen.settings(SOURCE)
    assert chosen.settings(SOURCE).prompt == "a harbour"


def test_a_method_of_a_later_version_is_taken_for_the_usual_one() -> None:
    assert from_settings(UpscaleSettings(method="faster"), SOURCE).method == "scalediff"


@pytest.mark.parametrize("unit", list(Unit))
def test_what_would_fit_is_chosen_in_the_unit_that_is_shown(
    model: UpscaleModel, gateway: FakeGateway, later: FakeLater, unit: Unit
) -> None:
    model.begin()
    model.say_in(unit)
    later.pass_ms(PLAN_DELAY_MS)
    assert model.fitting is None
    asked = gateway.last("plan")
    refused = replace(plan_for(asked.args[0], Problem("x", "No.")), fits_scale=2.5)
    asked.succeed(refused)
    assert model.fitting == (2500, 1500)
    model.make_it_fit()
    assert model.fitting is None  # until the engine has looked at that
    assert model.choices.extent.unit is unit
    assert model.result == (2500, 1500)
    later.pass_ms(PLAN_DELAY_MS)
    settings = gateway.last("plan").args[0].settings
    assert settings.scale == 2.5 or (settings.width, settings.height) == (2500, 1500)


def test_models_that_come_late_or_again_leave_alone_what_was_chosen(
    gateway: FakeGateway, later: FakeLater
) -> None:
    memory = Memory(families={"embedded": FamilyMemory("best", creativity=0.7, structure=0.2)})
    model = UpscaleModel(gateway, later, SOURCE, memory)
    model.begin()
    model.change(replace(model.choices, structure=0.6, prompt="a harbour"))
    gateway.last("models").succeed(models())
    assert (model.choices.structure, model.choices.prompt) == (0.6, "a harbour")
    assert (model.choices.preset, model.choices.creativity) == ("best", 0.7)
    model.change(replace(model.choices, preset="fast", creativity=0.1))
    model.look_again()  # as when the models dialog is closed
    gateway.last("models").succeed(models())
    assert (model.choices.preset, model.choices.creativity) == ("fast", 0.1)
