"""What a plug-in does, against a real server: pixels there, a decision, pixels back."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from engine_processes import within
from engine_server import TOKEN, Running, fake_engine, serving

from scalediff_engine.base.process import Program
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import EngineNotInstalled
from scalediff_engine.client.messages import (
    JobInfo,
    JobProgress,
    JobState,
    Problem,
    UpscaleSettings,
)
from scalediff_engine.client.pixels import PixelHeader, to_prefix
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.jobs.record import Action
from scalediff_engine.jobs.spool import RESULT
from scalediff_engine.plugin_common import errand
from scalediff_engine.plugin_common.errand import (
    Begun,
    Dropped,
    Errand,
    Failed,
    Fetched,
    LeftRunning,
    Manner,
    Material,
    News,
    Phase,
    Working,
)

DIALOG = Path(__file__).with_name("errand_dialog.py")
ROOT = Path(__file__).parents[2]
HEADER = PixelHeader(4, 2, "rgb", "u8", alpha="straight", order="bgr")
MATERIAL = Material(HEADER, bytes(range(32)), title="Layer 1")
RESULT_PIXELS = bytes(range(128))
MANNER = Manner("krita", options={"canvas_choices": "keep,grow", "canvas": "keep"})


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[..., Running]]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with ExitStack() as stack:

        def served(user: str = "finish") -> Running:
            argv = [sys.executable, str(DIALOG), user]
            program = Program(argv, tmp_path / "dialog.log")
            return stack.enter_context(serving(fake_engine(tmp_path / "home", dialog=program)))

        yield served


def client_of(server: Running) -> Client:
    record = EngineRecord(0, server.port, TOKEN, 1, "0", 0.0)
    return Client(lambda: record)


def the_job(server: Running) -> JobInfo:
    deadline = time.monotonic() + 20
    while not server.scheduler.jobs():
        assert time.monotonic() < deadline, "no job came"
        time.sleep(0.01)
    return server.scheduler.jobs()[0]


def finish(server: Running) -> JobInfo:
    """Do the job as a worker would."""
    job = the_job(server)
    header = replace(HEADER, width=8, height=4)
    folder = server.engine.spool.job_folder(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT).write_bytes(to_prefix(header) + RESULT_PIXELS)
    server.call(lambda: server.scheduler.act(job.id, Action.START))
    progress = JobProgress("denoise", 1, 2, 3, 4, 0.5)
    server.call(lambda: server.scheduler.advance(job.id, progress))
    server.call(lambda: server.scheduler.act(job.id, Action.FINISH, recipe="{}"))
    return job


def told_by(asked: Errand, seconds: float = 30.0) -> list[News]:
    deadline = time.monotonic() + seconds
    news: list[News] = []
    while not asked.is_over:
        assert time.monotonic() < deadline, news
        news += asked.news(0.05)
    assert asked.news() == []
    return news


def until_phase(asked: Errand, phase: Phase) -> None:
    deadline = time.monotonic() + 20
    while Begun(phase) not in asked.news(0.05):
        assert time.monotonic() < deadline, f"never in {phase}"


def test_an_accepted_result_comes_back(serve: Callable[..., Running]) -> None:
    server = serve()
    asked = errand.dialog(lambda: client_of(server), MATERIAL, MANNER)
    job = finish(server)
    *before, end = told_by(asked)
    phases = [Phase.STARTING, Phase.SENDING, Phase.DIALOG, Phase.FETCHING]
    assert before == [Begun(phase) for phase in phases]
    assert isinstance(end, Fetched)
    assert (end.job.id, end.options) == (job.id, {"canvas": "grow"})
    assert bytes(end.pixels.samples) == RESULT_PIXELS
    assert (end.pixels.header.width, end.pixels.header.order) == (8, "bgr")


def test_a_job_given_up_in_the_dialog_leaves_nothing(serve: Callable[..., Running]) -> None:
    server = serve("give-up")
    assert told_by(errand.dialog(lambda: client_of(server), MATERIAL, MANNER))[-1] == Dropped()


def test_a_job_left_to_itself_is_told_of(serve: Callable[..., Running]) -> None:
    server = serve("background")
    end = told_by(errand.dialog(lambda: client_of(server), MATERIAL, MANNER))[-1]
    assert end == LeftRunning(server.scheduler.jobs()[0].id)


def test_giving_up_does_not_wait_for_the_engine() -> None:
    begun, returned = threading.Event(), threading.Event()
    waited: list[bool] = []

    def work(errand: Errand) -> News:
        errand.stop_with(lambda: waited.append(returned.wait(30)))
        begun.set()
        returned.wait(30)
        return Dropped()

    asked = Errand(lambda: pytest.fail("no engine is needed"), work)
    assert begun.wait(30)
    asked.cancel()
    returned.set()
    assert told_by(asked)[-1] == Dropped()
    assert within(30, lambda: waited == [True])


def test_giving_up_closes_the_dialog(serve: Callable[..., Running]) -> None:
    server = serve()
    asked = errand.dialog(lambda: client_of(server), MATERIAL, MANNER)
    until_phase(asked, Phase.DIALOG)
    asked.cancel()
    assert not isinstance(told_by(asked)[-1], Fetched | Failed)
    assert server.engine.sessions.count() == 0


def test_without_a_dialog_progress_is_told(serve: Callable[..., Running]) -> None:
    server = serve()
    settings = UpscaleSettings(scale=2.0, seed=3)
    asked = errand.upscale(lambda: client_of(server), MATERIAL, settings, {"canvas": "keep"})
    until_phase(asked, Phase.WORKING)
    job = finish(server)
    news = told_by(asked)
    assert Working(job.id, JobProgress("denoise", 1, 2, 3, 4, 0.5)) in news
    assert isinstance(news[-1], Fetched)
    assert (news[-1].job.settings, news[-1].options) == (settings, {"canvas": "keep"})


def test_giving_up_cancels_the_job(serve: Callable[..., Running]) -> None:
    server = serve()
    asked = errand.upscale(lambda: client_of(server), MATERIAL, UpscaleSettings(), {})
    until_phase(asked, Phase.WORKING)
    asked.cancel()
    assert told_by(asked)[-1] == Dropped()
    assert server.scheduler.jobs()[0].state is JobState.CANCELLED


def test_a_job_that_fails_says_why(serve: Callable[..., Running]) -> None:
    server = serve()
    asked = errand.upscale(lambda: client_of(server), MATERIAL, UpscaleSettings(), {})
    job, problem = the_job(server), Problem("out-of-memory", "It did not fit.")
    server.call(lambda: server.scheduler.act(job.id, Action.START))
    server.call(lambda: server.scheduler.act(job.id, Action.FAIL, problem=problem))
    assert told_by(asked)[-1] == Failed(problem)


def test_no_engine_is_told_with_a_sentence() -> None:
    def connect() -> Client:
        raise EngineNotInstalled("It is not installed.")

    end = told_by(errand.dialog(connect, MATERIAL, MANNER))[-1]
    assert end == Failed(Problem("engine-not-installed", "It is not installed."))


def test_pixels_that_are_refused_are_told(serve: Callable[..., Running]) -> None:
    server = serve()
    short = replace(MATERIAL, samples=b"123")
    end = told_by(errand.dialog(lambda: client_of(server), short, MANNER))[-1]
    assert isinstance(end, Failed)
    assert "4x2" in end.problem.message
