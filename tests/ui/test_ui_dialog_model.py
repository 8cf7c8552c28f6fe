"""The whole dialog without a widget: load, choose, run, compare, decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, models, picture, plan_for

from scalediff_engine.client.messages import (
    ImageInfo,
    JobState,
    Problem,
    SessionInfo,
    SessionState,
    UpscaleSettings,
)
from scalediff_engine.ui.compare.results import PICTURES_KEPT
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.origin import Loaded, SessionOrigin
from scalediff_engine.ui.upscale.remembered import Memory

SESSION = SessionInfo(
    "s1", SessionState.OPEN, "i1", "krita", "Layer 3", 1, options={"canvas": "keep"}
)


@pytest.fixture
def dialog(gateway: FakeGateway, later: FakeLater) -> DialogModel:
    return DialogModel(gateway, later, SessionOrigin(gateway, "s1"), Memory(), lambda memory: None)


@pytest.fixture
def ended(dialog: DialogModel) -> list[Phase]:
    phases: list[Phase] = []
    dialog.ended.add(lambda: phases.append(dialog.phase))
    return phases


def load(dialog: DialogModel, gateway: FakeGateway) -> None:
    gateway.at_once["plan"] = plan_for
    gateway.at_once["models"] = models
    dialog.begin()
    gateway.last("session").succeed(SESSION)
    gateway.last("image").succeed(picture())


def run(dialog: DialogModel, gateway: FakeGateway, job_id: str = "j1") -> None:
    dialog.start()
    gateway.last("submit").succeed(job(job_id, JobState.QUEUED))


def finish(dialog: DialogModel, gateway: FakeGateway, job_id: str = "j1") -> None:
    watch = gateway.last("watch")
    watch.say(event(1, JobState.DONE))
    watch.succeed()
    gateway.last("job").succeed(job(job_id, JobState.DONE, recipe="{}"))
    gateway.last("result").succeed(picture(64, 48))


def test_from_open_to_accept(dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]) -> None:
    load(dialog, gateway)
    assert dialog.phase is Phase.CHOOSING
    run(dialog, gateway)
    assert dialog.phase is Phase.RUNNING
    finish(dialog, gateway)
    assert dialog.phase is Phase.COMPARING
    dialog.accept()
    asked = gateway.last("answer_session")
    session_id, answer = asked.args
    assert session_id == "s1"
    assert (answer.accepted, answer.job, answer.options) == (True, "j1", {"canvas": "keep"})
    asked.succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_the_job_is_about_the_session_s_image(dialog: DialogModel, gateway: FakeGateway) -> None:
    load(dialog, gateway)
    dialog.start()
    request = gateway.last("submit").args[0]
    assert (request.image, request.title, request.keep) == ("i1", "Layer 3", True)
    assert not gateway.all("upload")


def test_what_the_host_wants_is_chosen(dialog: DialogModel, gateway: FakeGateway) -> None:
    dialog.begin()
    wanted = UpscaleSettings(scale=2.0, model="sdxl", seed=5)
    gateway.last("session").succeed(replace(SESSION, settings=wanted))
    gateway.last("image").succeed(picture())
    assert dialog.upscale is not None
    assert dialog.upscale.choices.settings(dialog.upscale.source) == wanted


def test_a_picture_that_does_not_come_is_said(dialog: DialogModel, gateway: FakeGateway) -> None:
    dialog.begin()
    gateway.last("session").fail("There is no such session (any more).")
    assert dialog.problem == Problem("trouble", "There is no such session (any more).")


def test_what_does_not_fit_is_not_started(dialog: DialogModel, gateway: FakeGateway) -> None:
    gateway.at_once["plan"] = lambda request: plan_for(request, Problem("x", "Too large."))
    dialog.begin()
    gateway.last("session").succeed(SESSION)
    gateway.last("image").succeed(picture())
    dialog.start()
    assert dialog.phase is Phase.CHOOSING
    assert not gateway.all("submit")


def test_what_the_engine_refuses_is_said(dialog: DialogModel, gateway: FakeGateway) -> None:
    load(dialog, gateway)
    dialog.start()
    gateway.last("submit").fail("There is no room.")
    assert dialog.phase is Phase.CHOOSING
    assert dialog.problem is not None
    dialog.start()
    assert dialog.problem is None


def test_cancel_answers_at_once_and_is_said_to_the_engine(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    dialog.cancel()
    assert dialog.phase is Phase.CHOOSING
    assert gateway.last("cancel").args == ("j1",)
    assert not gateway.pending("watch")


def test_cancel_before_the_engine_has_taken_the_job(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    dialog.start()
    dialog.cancel()
    assert dialog.phase is Phase.CHOOSING
    gateway.last("submit").succeed(job("j7", JobState.QUEUED))
    assert dialog.phase is Phase.CHOOSING
    assert gateway.last("cancel").args == ("j7",)


def test_a_second_upscale_does_not_show_the_progress_of_the_first(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    finish(dialog, gateway)
    dialog.choose_again()
    shown: list[object] = []
    dialog.changed.add(lambda: shown.append(dialog.progress))
    dialog.start()
    assert shown
    assert not any(shown)


def test_cancel_while_the_result_comes(dialog: DialogModel, gateway: FakeGateway) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    watch = gateway.last("watch")
    watch.say(event(1, JobState.DONE))
    watch.succeed()
    gateway.last("job").succeed(job(state=JobState.DONE))
    dialog.cancel()
    assert dialog.phase is Phase.CHOOSING
    assert not gateway.pending("result")


def test_a_second_try_keeps_the_first(dialog: DialogModel, gateway: FakeGateway) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    finish(dialog, gateway)
    dialog.choose_again()
    run(dialog, gateway, "j2")
    finish(dialog, gateway, "j2")
    assert [one.job.id for one in dialog.tries.all] == ["j1", "j2"]
    dialog.look_at(1)
    dialog.accept()
    assert gateway.last("answer_session").args[1].job == "j1"


def test_cancelling_a_second_try_leads_back_to_the_first(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    finish(dialog, gateway)
    dialog.choose_again()
    run(dialog, gateway, "j2")
    dialog.cancel()
    assert dialog.phase is Phase.COMPARING


def test_old_pictures_make_way_and_come_back(dialog: DialogModel, gateway: FakeGateway) -> None:
    load(dialog, gateway)
    for number in range(PICTURES_KEPT + 1):
        run(dialog, gateway, f"j{number}")
        finish(dialog, gateway, f"j{number}")
        dialog.choose_again()
    assert [one.picture is not None for one in dialog.tries.all] == [False, True, True]
    dialog.compare()
    dialog.look_at(1)
    assert dialog.shown is None
    dialog.accept()  # nothing to be seen, nothing to be accepted
    assert not gateway.all("answer_session")
    gateway.last("result").succeed(picture(64, 48))
    assert dialog.shown is not None


def test_a_failed_job_says_why_and_goes_back(dialog: DialogModel, gateway: FakeGateway) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    watch = gateway.last("watch")
    watch.say(event(1, JobState.FAILED, problem=Problem("x", "It broke.")))
    watch.succeed()
    assert dialog.problem == Problem("x", "It broke.")
    assert dialog.phase is Phase.RUNNING
    dialog.cancel()
    assert dialog.phase is Phase.CHOOSING


def test_discard_tells_the_session(
    dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]
) -> None:
    load(dialog, gateway)
    dialog.discard()
    assert not ended
    asked = gateway.last("answer_session")
    assert not asked.args[1].accepted
    asked.succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_discard_while_it_runs_cancels_first(
    dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    dialog.discard()
    assert not gateway.all("answer_session")
    gateway.last("cancel").succeed(job(state=JobState.CANCELLING))
    gateway.last("answer_session").succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_an_answer_that_does_not_arrive_can_be_given_again(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    finish(dialog, gateway)
    dialog.accept()
    gateway.last("answer_session").fail("The engine went away.")
    assert dialog.phase is Phase.COMPARING
    assert dialog.problem is not None
    dialog.accept()
    assert len(gateway.all("answer_session")) == 2


def test_in_the_background_it_runs_on(dialog: DialogModel, gateway: FakeGateway) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    dialog.work_in_background()
    assert dialog.in_background
    finish(dialog, gateway)
    assert dialog.phase is Phase.COMPARING
    assert dialog.in_background  # until somebody asks for it
    dialog.come_back()
    assert not dialog.in_background


@pytest.mark.parametrize("is_asked", [True, False])
@pytest.mark.parametrize("is_sent_away", [True, False])
def test_an_editor_that_goes_takes_the_job_with_it_only_if_it_asked_for_that(
    dialog: DialogModel,
    gateway: FakeGateway,
    ended: list[Phase],
    is_asked: bool,
    is_sent_away: bool,
) -> None:
    load(dialog, gateway)
    assert dialog.loaded is not None
    dialog.loaded = replace(dialog.loaded, stops_with_host=is_asked)
    run(dialog, gateway)
    if is_sent_away:
        dialog.work_in_background()
    dialog.session_ended()
    if is_asked and not is_sent_away:
        assert not ended  # not before the engine has heard of it
        gateway.last("cancel").succeed(job(state=JobState.CANCELLING))
    else:
        assert not gateway.all("cancel")
    assert ended == [Phase.ENDED]


def test_what_the_editor_wants_of_a_job_when_it_goes_is_read(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    assert dialog.loaded is not None
    assert not dialog.loaded.stops_with_host
    origin = SessionOrigin(gateway, "s1")
    told: list[bool] = []
    origin.load(lambda loaded: told.append(loaded.stops_with_host), lambda _: None)
    gateway.last("session").succeed(replace(SESSION, options={"when_host_goes": "cancel"}))
    gateway.last("image").succeed(picture())
    assert told == [True]


@pytest.mark.parametrize("deed", [DialogModel.accept, DialogModel.start, DialogModel.cancel])
def test_too_early_nothing_happens(
    dialog: DialogModel, gateway: FakeGateway, deed: Callable[[DialogModel], None]
) -> None:
    dialog.begin()
    deed(dialog)
    assert dialog.phase is Phase.LOADING


def test_who_leaves_while_a_job_is_handed_over_leaves_none_behind(
    dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]
) -> None:
    load(dialog, gateway)
    dialog.start()
    dialog.discard()
    assert not gateway.all("answer_session")
    gateway.last("submit").succeed(job("j7", JobState.QUEUED))
    assert gateway.last("cancel").args == ("j7",)
    assert not gateway.all("answer_session")
    gateway.last("cancel").fail("The engine went away.")
    gateway.last("answer_session").succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_who_cancels_and_leaves_at_once_leaves_no_job_behind(
    dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    dialog.cancel()
    dialog.discard()
    assert not gateway.all("answer_session")
    gateway.last("cancel").succeed(job(state=JobState.CANCELLING))
    gateway.last("answer_session").succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_who_leaves_while_the_picture_comes_does_not_see_it(
    dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]
) -> None:
    dialog.begin()
    gateway.last("session").succeed(SESSION)
    dialog.discard()
    gateway.last("image").succeed(picture())
    assert dialog.phase is Phase.ENDED
    gateway.last("answer_session").succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_what_was_started_and_given_up_is_not_taken_for_what_was_started_after_it(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    dialog.start()
    first = gateway.last("submit")
    dialog.cancel()
    dialog.start()
    second = gateway.last("submit")
    first.succeed(job("j1", JobState.QUEUED))
    assert dialog.phase is Phase.STARTING
    assert gateway.last("cancel").args == ("j1",)
    second.succeed(job("j2", JobState.QUEUED))
    assert dialog.progress is not None
    assert dialog.progress.job_id == "j2"


def test_a_result_that_does_not_come_is_said_and_fetched_again(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    watch = gateway.last("watch")
    watch.say(event(1, JobState.DONE))
    watch.succeed()
    gateway.last("job").succeed(job(state=JobState.DONE))
    gateway.last("result").fail("No space left on device.")
    assert dialog.phase is Phase.FETCHING
    assert dialog.problem == Problem("trouble", "No space left on device.")
    dialog.fetch_again()
    assert dialog.problem is None
    gateway.last("job").succeed(job(state=JobState.DONE))
    gateway.last("result").succeed(picture(64, 48))
    assert dialog.phase is Phase.COMPARING
    assert len(dialog.tries.all) == 1


def test_who_closes_while_a_result_is_handed_over_still_hands_it_over(
    dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]
) -> None:
    load(dialog, gateway)
    run(dialog, gateway)
    finish(dialog, gateway)
    dialog.accept()
    dialog.discard()
    assert not ended
    (asked,) = gateway.all("answer_session")
    assert asked.args[1].accepted
    asked.succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_a_look_that_runs_is_stopped_before_the_program_ends(
    dialog: DialogModel, gateway: FakeGateway, ended: list[Phase]
) -> None:
    load(dialog, gateway)
    assert dialog.loupe is not None
    dialog.loupe.toggle(True)
    dialog.loupe.start()
    gateway.last("submit").succeed(job("j9", JobState.QUEUED))
    dialog.discard()
    assert gateway.last("cancel").args == ("j9",)
    assert not gateway.all("answer_session")
    gateway.last("cancel").succeed(job("j9", JobState.CANCELLING))
    gateway.last("answer_session").succeed(SESSION)
    assert ended == [Phase.ENDED]


def test_a_model_that_is_chosen_on_the_first_pages_is_taken_here_too(
    dialog: DialogModel, gateway: FakeGateway
) -> None:
    dialog.prefer("sdxl")
    load(dialog, gateway)
    assert dialog.upscale is not None
    assert dialog.upscale.choices.model == "sdxl"
    dialog.prefer("embedded")
    assert dialog.upscale.choices.model == "embedded"


class Slow:
    """A file whose result is being written for as long as the test likes."""

    closes_when_accepted = False

    def __init__(self) -> None:
        self.written: Callable[[str], None] = lambda _: None
        self.failed: Callable[[Problem], None] = lambda _: None

    def load(self, done: Callable[[Loaded], None], _: object) -> None:
        done(Loaded(picture(), "cat.png"))

    def accept(self, _try: object, _canvas: object, done: Any, failed: Any) -> None:
        self.written, self.failed = done, failed

    def discard(self, done: Callable[[], None]) -> None:
        done()


def test_who_closes_while_a_file_is_saved_still_has_it_and_hears_of_a_full_disk(
    gateway: FakeGateway, later: FakeLater
) -> None:
    gateway.at_once.update(
        plan=plan_for,
        models=models,
        upload=lambda _: ImageInfo("i1", 16, 12, "rgb", "u8", False, 576),
    )
    origin, ended = Slow(), list[bool]()
    dialog = DialogModel(gateway, later, origin, Memory(), lambda _: None)
    dialog.ended.add(lambda: ended.append(True))
    dialog.begin()
    run(dialog, gateway)
    finish(dialog, gateway)
    dialog.accept()
    dialog.discard()
    origin.failed(Problem("file", "The disk is full."))
    assert not ended
    assert dialog.phase is Phase.COMPARING
    assert dialog.problem == Problem("file", "The disk is full.")
    dialog.accept()
    dialog.discard()
    assert not ended
    origin.written("Saved as cat_x4.png.")
    assert ended == [True]
