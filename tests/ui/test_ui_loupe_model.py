"""The loupe without a widget: its frame, its cost, its looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, models, picture, plan_for, progress
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import JobState, Priority, Problem, Window
from scalediff_engine.ui.gateway import Failed
from scalediff_engine.ui.loupe.model import (
    COST_DELAY_MS,
    LOOKS_KEPT,
    MAX_SIDE_PX,
    Frame,
    LoupeModel,
    dragged,
    first_frame,
    frame_of,
)
from scalediff_engine.ui.upscale.choices import Extent
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.upscale.remembered import Memory

SOURCE = Size(1000, 600)


@pytest.fixture
def upscale(gateway: FakeGateway, later: FakeLater) -> UpscaleModel:
    gateway.at_once.update(models=models)
    return UpscaleModel(gateway, later, SOURCE, Memory(), dice=lambda: 77)


@pytest.fixture
def loupe(gateway: FakeGateway, later: FakeLater, upscale: UpscaleModel) -> LoupeModel:
    def upload(done: Callable[[str], None], _: Failed) -> None:
        done("i1")

    return LoupeModel(gateway, later, upscale, upload, "Layer 3")


def held(loupe: LoupeModel) -> None:
    loupe.toggle(True)
    loupe.hold(Frame(100, 50, 200, 100))


def look(loupe: LoupeModel, gateway: FakeGateway, seed: int = 0) -> None:
    """One look from its beginning to its end."""
    loupe.start()
    gateway.last("submit").succeed(job("j1", JobState.QUEUED))
    watch = gateway.last("watch")
    watch.say(event(1, progress=progress(0.5)))
    watch.say(event(2, JobState.DONE))
    watch.succeed()
    assert loupe.window is not None
    gateway.last("result").succeed(picture(loupe.window.width, loupe.window.height, seed))


def test_off_it_asks_nothing(
    loupe: LoupeModel, upscale: UpscaleModel, gateway: FakeGateway
) -> None:
    upscale.change(replace(upscale.choices, structure=0.3))
    loupe.start()
    assert not gateway.asked
    assert loupe.frame is None


def test_taken_into_the_hand_it_is_held_over_the_middle_and_asks_for_its_cost(
    loupe: LoupeModel, gateway: FakeGateway, later: FakeLater
) -> None:
    loupe.toggle(True)
    assert loupe.window == Window(2000 - 256, 1200 - 256, 512, 512)
    later.pass_ms(0)
    asked = gateway.last("plan")
    assert asked.args[0].window == loupe.window
    assert loupe.seconds is None
    asked.succeed(plan_for(asked.args[0], seconds=6.0))
    assert loupe.seconds == 6.0


def test_a_drag_asks_for_the_cost_once(
    loupe: LoupeModel, gateway: FakeGateway, later: FakeLater
) -> None:
    loupe.toggle(True)
    for step in range(20):
        loupe.hold(Frame(step, step, 100, 80))
        later.pass_ms(COST_DELAY_MS // 2)
    assert not gateway.all("plan")
    later.pass_ms(COST_DELAY_MS)
    assert [asked.args[0].window for asked in gateway.all("plan")] == [loupe.window]


def test_a_look_is_a_job_of_an_editor_that_nobody_keeps(
    loupe: LoupeModel, upscale: UpscaleModel, gateway: FakeGateway
) -> None:
    held(loupe)
    loupe.start()
    request = gateway.last("submit").args[0]
    assert (request.image, request.title) == ("i1", "Layer 3")
    assert request.priority is Priority.EDITOR
    assert not request.keep
    assert request.window == Window(400, 200, 800, 400)
    assert request.settings == upscale.choices.settings(SOURCE)
    assert not loupe.can_start


def test_the_seed_stays_so_that_the_result_is_what_was_seen(
    loupe: LoupeModel, upscale: UpscaleModel, gateway: FakeGateway
) -> None:
    upscale.change(replace(upscale.choices, seed=5, seed_is_locked=False))
    held(loupe)
    loupe.start()
    assert gateway.last("submit").args[0].settings.seed == 5
    assert upscale.choices.seed_is_locked
    assert upscale.start().seed == 5


def test_a_look_is_seen_until_the_settings_change_and_again_when_they_are_back(
    loupe: LoupeModel, upscale: UpscaleModel, gateway: FakeGateway
) -> None:
    held(loupe)
    look(loupe, gateway)
    current = loupe.current
    assert current is not None
    assert current.window == Window(400, 200, 800, 400)
    assert current.frame == Frame(100, 50, 200, 100)
    assert not loupe.is_due
    before = upscale.choices
    upscale.change(replace(before, structure=0.4))
    assert loupe.is_stale
    assert loupe.is_due
    upscale.change(before)
    assert not loupe.is_stale
    loupe.hold(Frame(0, 0, 50, 50))
    assert loupe.is_due
    assert not loupe.is_stale


def test_looks_are_remembered_with_what_they_were_made_with(
    loupe: LoupeModel, upscale: UpscaleModel, gateway: FakeGateway
) -> None:
    held(loupe)
    for number in range(LOOKS_KEPT + 2):
        upscale.change(replace(upscale.choices, structure=number / 20))
        look(loupe, gateway, number)
    assert [one.number for one in loupe.looks] == list(range(3, LOOKS_KEPT + 3))
    assert [one.choices.structure for one in loupe.looks][-1] == (LOOKS_KEPT + 1) / 20
    loupe.step(-1)
    assert loupe.chosen == LOOKS_KEPT + 1
    assert loupe.is_stale
    loupe.step(2)
    assert loupe.chosen == 3
    loupe.look_at(99)
    assert loupe.chosen == 3


def test_cancel_answers_at_once_and_the_engine_hears_of_it(
    loupe: LoupeModel, gateway: FakeGateway
) -> None:
    held(loupe)
    loupe.start()
    gateway.last("submit").succeed(job("j1", JobState.QUEUED))
    watch = gateway.last("watch")
    loupe.cancel()
    assert loupe.running is None
    assert loupe.can_start
    assert gateway.last("cancel").args == ("j1",)
    assert watch.ticket.is_cancelled


def test_a_look_given_up_before_the_engine_answered_is_stopped_then(
    loupe: LoupeModel, gateway: FakeGateway
) -> None:
    held(loupe)
    loupe.start()
    asked = gateway.last("submit")
    loupe.toggle(False)
    assert not gateway.all("cancel")
    asked.succeed(job("j1", JobState.QUEUED))
    assert gateway.last("cancel").args == ("j1",)
    assert loupe.progress is None


def test_a_result_that_comes_too_late_is_no_look(loupe: LoupeModel, gateway: FakeGateway) -> None:
    held(loupe)
    loupe.start()
    gateway.last("submit").succeed(job("j1", JobState.QUEUED))
    watch = gateway.last("watch")
    watch.say(event(1, JobState.DONE))
    watch.succeed()
    asked = gateway.last("result")
    loupe.cancel()
    asked.succeed(picture(8, 8))
    assert not loupe.looks
    assert not gateway.all("cancel")  # it had ended


def test_what_goes_wrong_is_said(loupe: LoupeModel, gateway: FakeGateway) -> None:
    held(loupe)
    loupe.start()
    gateway.last("submit").fail("No.")
    assert loupe.problem == Problem("trouble", "No.")
    assert loupe.can_start
    loupe.start()
    assert loupe.problem is None
    gateway.last("submit").succeed(job("j2", JobState.QUEUED))
    watch = gateway.last("watch")
    watch.say(event(1, JobState.FAILED, problem=Problem("x", "It broke.")))
    watch.succeed()
    assert loupe.problem == Problem("x", "It broke.")
    assert loupe.running is None


def test_a_frame_stays_where_it_is_when_the_result_becomes_larger(
    loupe: LoupeModel, upscale: UpscaleModel
) -> None:
    held(loupe)
    upscale.change(replace(upscale.choices, extent=Extent(scale=2.0)))
    assert loupe.frame == Frame(100, 50, 200, 100)
    assert loupe.window == Window(200, 100, 400, 200)


@given(
    frame=st.builds(
        Frame, st.floats(0, 999), st.floats(0, 599), st.floats(0, 1000), st.floats(0, 600)
    ),
    scale=st.floats(1, 32),
)
def test_every_window_is_one_that_the_engine_takes(frame: Frame, scale: float) -> None:
    result = Size(round(1000 * scale), round(600 * scale))
    window = frame.window(SOURCE, result)
    assert min(window.x, window.y) >= 0
    assert window.x + window.width <= result.width
    assert window.y + window.height <= result.height
    assert min(window.width, window.height) >= 1
    assert max(window.width, window.height) <= MAX_SIDE_PX


def test_frames_stay_in_the_picture() -> None:
    assert Frame(900, 500, 100, 80).moved(50, 50, SOURCE) == Frame(900, 520, 100, 80)
    assert Frame(10, 5, 100, 80).moved(-50, -50, SOURCE) == Frame(0, 0, 100, 80)
    assert Frame(0, 0, 1000, 600).resized(3, SOURCE) == Frame(0, 0, 1000, 600)
    assert dragged(50, 900, -20, 10, SOURCE) == Frame(0, 10, 50, 590)
    assert first_frame(0, 0, SOURCE, Size(4000, 2400)) == Frame(0, 0, 128, 128)
    smaller = Frame(100, 100, 100, 100).resized(-1, SOURCE)
    assert smaller == Frame(110, 110, 80, 80)
    assert frame_of(Window(400, 200, 80, 40), SOURCE, Size(4000, 2400)) == Frame(100, 50, 20, 10)
