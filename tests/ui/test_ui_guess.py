"""The fast guess without a widget: what is asked for, when, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, picture

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import JobRequest, JobState, Priority, Window
from scalediff_engine.ui.fast_preview import DELAY_MS, FastPreviewModel
from scalediff_engine.ui.gateway import Failed
from scalediff_engine.ui.job_follower import PendingRequests
from scalediff_engine.ui.loupe.model import MAX_SIDE_PX, Frame
from scalediff_engine.ui.upscale.choices import Extent
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.upscale.remembered import Memory

SOURCE = Size(1000, 600)
SEEN = Frame(100, 50, 200, 100)


@pytest.fixture
def upscale(gateway: FakeGateway, later: FakeLater) -> UpscaleModel:
    return UpscaleModel(gateway, later, SOURCE, Memory())


@pytest.fixture
def pending() -> PendingRequests:
    return PendingRequests()


@pytest.fixture
def model(
    gateway: FakeGateway, later: FakeLater, upscale: UpscaleModel, pending: PendingRequests
) -> FastPreviewModel:
    def upload(done: Callable[[str], None], _: Failed) -> None:
        done("i1")

    found = FastPreviewModel(gateway, later, upscale, upload, pending)
    found.allow(True)
    return found


def asked(gateway: FakeGateway) -> JobRequest:
    return gateway.last("submit").args[0]


def made(gateway: FakeGateway, state: JobState = JobState.DONE) -> None:
    """A guess from the order to its end."""
    window = asked(gateway).window
    assert window is not None
    gateway.last("submit").succeed(job("g1", JobState.QUEUED))
    watch = gateway.last("watch")
    watch.say(event(1, state))
    watch.succeed()
    if state is JobState.DONE:
        gateway.last("result").succeed(picture(window.width, window.height))


def test_what_is_seen_is_asked_for_after_a_while_behind_everybody_else(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.see(SEEN, 2.0)
    later.pass_ms(DELAY_MS - 1)
    assert not gateway.pending("submit")
    later.pass_ms(1)
    request = asked(gateway)
    assert (request.image, request.priority, request.keep) == ("i1", Priority.FOLDER, False)
    assert request.settings.method == "fast"
    assert request.settings.scale == 2
    assert request.window == Window(200, 100, 400, 200)
    assert model.is_under_way


def test_it_is_seen_and_the_engine_forgets_it(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater, pending: PendingRequests
) -> None:
    model.see(SEEN, 3.5)
    later.pass_ms(DELAY_MS)
    made(gateway)
    assert model.guess is not None
    assert (model.guess.frame, model.guess.scale) == (SEEN, 4.0)
    assert not model.is_under_way
    assert gateway.last("remove").args == ("g1",)
    ended: list[int] = []
    pending.then(lambda: ended.append(1))
    assert not ended
    gateway.last("remove").succeed(job("g1", JobState.DONE))
    assert ended


def test_moving_on_asks_once_and_a_part_of_what_is_there_not_at_all(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater
) -> None:
    for step in range(20):
        model.see(replace(SEEN, left=100.0 + step), 2.0)
        later.pass_ms(DELAY_MS // 2)
    assert not gateway.all("submit")
    later.pass_ms(DELAY_MS)
    made(gateway)
    model.see(Frame(150, 60, 100, 50), 2.0)
    later.pass_ms(5 * DELAY_MS)
    assert len(gateway.all("submit")) == 1
    model.see(Frame(150, 60, 100, 50), 4.0)  # finer than what is there
    later.pass_ms(DELAY_MS)
    assert asked(gateway).settings.scale == 4


@pytest.mark.parametrize(("zoom", "scale"), [(1.0, 4.0), (0.3, 4.0), (4.0, 1.0)])
def test_there_is_none_where_the_source_shows_as_much(
    model: FastPreviewModel,
    upscale: UpscaleModel,
    gateway: FakeGateway,
    later: FakeLater,
    zoom: float,
    scale: float,
) -> None:
    upscale.change(replace(upscale.choices, extent=Extent(scale=scale)))
    model.see(SEEN, zoom)
    later.pass_ms(5 * DELAY_MS)
    assert not gateway.all("submit")


def test_a_large_screen_asks_for_no_more_than_the_engine_gives(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.see(Frame(0, 0, 1000, 600), 3.0)
    later.pass_ms(DELAY_MS)
    window = asked(gateway).window
    assert window is not None
    assert max(window.width, window.height) == MAX_SIDE_PX


def test_what_is_seen_now_takes_the_place_of_what_was(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.see(SEEN, 2.0)
    later.pass_ms(DELAY_MS)
    gateway.last("submit").succeed(job("g1", JobState.QUEUED))
    model.see(Frame(600, 300, 200, 100), 2.0)
    assert gateway.last("cancel").args == ("g1",)
    later.pass_ms(DELAY_MS)
    assert asked(gateway).window == Window(1200, 600, 400, 200)


def test_an_upscale_is_not_kept_waiting(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.see(SEEN, 2.0)
    later.pass_ms(DELAY_MS)
    late = gateway.last("submit")
    model.allow(False)
    late.succeed(job("g1", JobState.QUEUED))  # it was on its way
    assert gateway.last("cancel").args == ("g1",)
    model.see(Frame(0, 0, 50, 50), 4.0)
    later.pass_ms(5 * DELAY_MS)
    assert len(gateway.all("submit")) == 1


def test_switched_off_it_asks_nothing(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.switch(False)
    model.see(SEEN, 2.0)
    later.pass_ms(DELAY_MS)
    assert not gateway.all("submit")
    model.switch(True)
    later.pass_ms(DELAY_MS)
    assert gateway.pending("submit")


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_where_there_is_none_nothing_is_said(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater, state: JobState
) -> None:
    model.see(SEEN, 2.0)
    later.pass_ms(DELAY_MS)
    made(gateway, state)
    assert model.guess is None
    assert not model.is_under_way
    model.see(Frame(0, 0, 50, 50), 2.0)
    later.pass_ms(DELAY_MS)
    gateway.last("submit").fail("No.")
    assert not model.is_under_way


def test_closed_it_leaves_nothing_running(
    model: FastPreviewModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.see(SEEN, 2.0)
    later.pass_ms(DELAY_MS)
    gateway.last("submit").succeed(job("g1", JobState.QUEUED))
    model.close()
    assert gateway.last("cancel").args == ("g1",)
