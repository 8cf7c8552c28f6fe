"""A running job, without a widget."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, picture, progress

from scalediff_engine.client.messages import JobState, Problem
from scalediff_engine.ui.job_follower import ProgressModel


@pytest.fixture
def model(gateway: FakeGateway, later: FakeLater) -> ProgressModel:
    found = ProgressModel(
        gateway, later, job(state=JobState.QUEUED), clock=lambda: later.now_ms / 1000
    )
    found.begin()
    return found


@pytest.fixture
def ended(model: ProgressModel) -> list[JobState]:
    states: list[JobState] = []
    model.ended.add(lambda: states.append(model.state))
    return states


def test_events_are_shown(model: ProgressModel, gateway: FakeGateway) -> None:
    gateway.last("watch").say(event(1, progress=progress(0.25)))
    assert model.state is JobState.RUNNING
    assert model.fraction == 0.25
    assert model.seconds_left == 60


def test_time_goes_by_between_events(
    model: ProgressModel, gateway: FakeGateway, later: FakeLater
) -> None:
    gateway.last("watch").say(event(1, progress=progress(0.25)))
    told: list[float | None] = []
    model.changed.add(lambda: told.append(model.seconds_left))
    later.pass_ms(3000)
    assert len(told) >= 10
    assert model.seconds_left == pytest.approx(57, abs=0.1)


def test_a_guess_is_known_as_one_until_a_preview_has_come(
    model: ProgressModel, gateway: FakeGateway
) -> None:
    watch = gateway.last("watch")
    watch.say(event(1, progress=progress(0.0, preview=1, is_guess=True)))
    gateway.last("preview").succeed(picture().raster)
    assert model.is_guess
    watch.say(event(2, progress=progress(0.25, preview=2)))
    assert model.is_guess  # that is still what is seen
    gateway.last("preview").succeed(picture(seed=1).raster)
    assert not model.is_guess


def test_the_end_is_told_once(
    model: ProgressModel, gateway: FakeGateway, ended: list[JobState]
) -> None:
    watch = gateway.last("watch")
    watch.say(event(1, progress=progress(1.0, 0)))
    watch.say(event(2, JobState.DONE))
    assert not ended
    watch.succeed()
    assert ended == [JobState.DONE]
    assert model.fraction == 1


def test_a_failure_says_why_and_can_be_tried_again(
    model: ProgressModel, gateway: FakeGateway, ended: list[JobState]
) -> None:
    watch = gateway.last("watch")
    watch.say(event(1, JobState.FAILED, problem=Problem("x", "It broke.")))
    watch.succeed()
    assert model.problem == Problem("x", "It broke.")
    model.retry()
    gateway.last("retry").succeed(job(state=JobState.QUEUED))
    assert model.problem is None
    again = gateway.last("watch")
    again.say(event(3, JobState.DONE))
    again.succeed()
    assert ended == [JobState.FAILED, JobState.DONE]


@pytest.mark.parametrize(
    ("wish", "act", "shown"),
    [
        (ProgressModel.pause, "pause", JobState.PAUSING),
        (ProgressModel.cancel, "cancel", JobState.CANCELLING),
    ],
)
def test_what_is_wished_shows_at_once(
    model: ProgressModel,
    gateway: FakeGateway,
    wish: Callable[[ProgressModel], None],
    act: str,
    shown: JobState,
) -> None:
    watch = gateway.last("watch")
    watch.say(event(1, progress=progress(0.2)))
    wish(model)
    assert model.state is shown
    assert gateway.last(act).args == ("j1",)
    # an event that was on its way already does not take it back
    watch.say(event(2, progress=progress(0.3)))
    assert model.state is shown


def test_a_wish_that_is_refused_is_taken_back(model: ProgressModel, gateway: FakeGateway) -> None:
    gateway.last("watch").say(event(1, progress=progress(0.2)))
    model.pause()
    gateway.last("pause").fail("The job is done.")
    assert model.state is JobState.RUNNING
    assert model.problem is not None


def test_a_pause_stops_the_clock(
    model: ProgressModel, gateway: FakeGateway, later: FakeLater
) -> None:
    watch = gateway.last("watch")
    watch.say(event(1, progress=progress(0.2)))
    model.pause()
    watch.say(event(2, JobState.PAUSED))
    later.pass_ms(30_000)
    assert model.seconds_left == pytest.approx(60, abs=1)
    model.resume()
    assert model.state is JobState.QUEUED
    watch.say(event(3, progress=progress(0.2)))
    later.pass_ms(10_000)
    assert model.seconds_left == pytest.approx(50, abs=2)


def test_previews_come_one_at_a_time_and_the_newest_wins(
    model: ProgressModel, gateway: FakeGateway
) -> None:
    watch = gateway.last("watch")
    for number in (1, 2, 3):
        watch.say(event(number, progress=progress(0.1 * number, preview=number)))
    assert len(gateway.all("preview")) == 1
    first = picture().raster
    gateway.last("preview").succeed(first)
    assert model.preview is first
    assert len(gateway.all("preview")) == 2
    gateway.last("preview").fail("Too late.")
    watch.say(event(4, progress=progress(0.5, preview=3)))
    assert len(gateway.all("preview")) == 2


def test_silence_is_looked_after(
    model: ProgressModel, gateway: FakeGateway, later: FakeLater
) -> None:
    watch = gateway.last("watch")
    watch.say(event(1, progress=progress(0.2)))
    later.pass_ms(5000)
    gateway.last("is_there").succeed(False)
    assert model.is_lost
    watch.say(event(2, progress=progress(0.3)))
    assert not model.is_lost


def test_a_long_step_is_not_taken_for_a_loss(
    model: ProgressModel, gateway: FakeGateway, later: FakeLater
) -> None:
    later.pass_ms(5000)
    gateway.last("is_there").succeed(True)
    assert not model.is_lost


def test_an_engine_that_is_gone_for_good_is_said_to_be(
    model: ProgressModel, gateway: FakeGateway
) -> None:
    gateway.last("watch").fail("The engine does not answer.", "engine-unreachable")
    assert model.is_lost
    assert model.problem is not None


def test_after_closing_nothing_is_heard(
    model: ProgressModel, gateway: FakeGateway, later: FakeLater
) -> None:
    changes: list[int] = []
    model.close()
    model.changed.add(lambda: changes.append(1))
    for watch in gateway.all("watch"):
        watch.say(event(1, progress=progress(0.2)))
    later.pass_ms(10_000)
    assert not changes
    assert not gateway.pending("watch")
