"""Who stops, at whatever stage, gets nothing, and leaves nothing behind in the engine."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QPushButton
from real_engine import (
    Dialogs,
    Host,
    client_of,
    dialog_processes,
    let_dialogs_start_engines,
    open_session,
    orphans,
    ready,
    served,
    wait,
)

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import JobState, SessionInfo, SessionState
from scalediff_engine.client.places import Places
from scalediff_engine.ui.app import UpscaleApp
from scalediff_engine.ui.dialog import DialogModel, Phase

OPTIONS = {"canvas_choices": "keep,scale", "canvas": "keep"}
# 64 pixels times 8 take two stages of the embedded model, of some steps each
SCALE = 8.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Places]:
    """One engine for all: its worker has the model from the second test on."""
    home = tmp_path_factory.mktemp("engine") / "home"
    with pytest.MonkeyPatch.context() as patch:
        let_dialogs_start_engines(home, patch)
        with served(home) as places:
            yield places


class Case:
    """A session with its host and its dialog."""

    def __init__(self, engine: Places, dialogs: Dialogs) -> None:
        self.client: Client = client_of(engine)
        self.before = {job.id for job in self.client.jobs().jobs}
        self.session: SessionInfo = open_session(self.client, scale=SCALE, **OPTIONS)
        self.host = Host(self.client, self.session)
        self.running: UpscaleApp = dialogs.for_session(self.session, engine)
        self.dialog: DialogModel = self.running.dialog

    def start(self) -> None:
        wait(lambda: ready(self.dialog))
        self.dialog.start()

    def states(self) -> list[JobState]:
        """Of the upscales; fast guesses are parts of none."""
        found = [job for job in self.client.jobs().jobs if job.id not in self.before]
        return [job.state for job in found if job.window is None]


@pytest.fixture
def case(engine: Places, dialogs: Dialogs) -> Case:
    return Case(engine, dialogs)


def close_window(running: UpscaleApp) -> None:
    """Close the window by its frame, and stop the job if that is asked."""
    window = running.window
    window.close()
    question = window.findChild(QMessageBox)
    if isinstance(question, QMessageBox) and question.isVisible():
        (stop,) = [
            one for one in question.findChildren(QPushButton) if one.text() == "Stop and discard"
        ]
        QTest.mouseClick(stop, Qt.MouseButton.LeftButton)


def require_nothing_left(case: Case, engine: Places) -> None:
    """The host knows that it gets nothing, the window is gone, and so is the work."""
    assert not case.running.window.isVisible()
    wait(lambda: case.host.is_told)
    assert [info.state for info in case.host.heard][-1] is SessionState.DISCARDED
    wait(lambda: not orphans(case.client, engine.home))
    wait(lambda: not dialog_processes(engine.home))


def at(case: Case, stage: int, phase: str) -> Callable[[], bool]:
    """Tell whether the job is at this place now, or past it."""

    def is_there() -> bool:
        progress = case.dialog.progress
        if progress is None or progress.progress is None:
            return case.dialog.phase is Phase.COMPARING
        found = progress.progress
        return (found.stage, found.phase) == (stage, phase) or found.stage > stage

    return is_there


def test_while_the_picture_comes(case: Case, engine: Places) -> None:
    assert case.dialog.phase is Phase.LOADING
    close_window(case.running)
    require_nothing_left(case, engine)
    assert case.states() == []


def test_while_it_is_chosen(case: Case, engine: Places) -> None:
    wait(lambda: ready(case.dialog))
    assert len(dialog_processes(engine.home)) == 1
    assert not case.host.is_told
    close_window(case.running)
    require_nothing_left(case, engine)
    assert case.states() == []
    assert case.host.last.options == OPTIONS


def test_while_the_job_is_handed_over(case: Case, engine: Places) -> None:
    case.start()
    assert case.dialog.phase is Phase.STARTING
    case.dialog.discard()
    require_nothing_left(case, engine)
    assert case.states() == [JobState.CANCELLED]


def test_while_it_waits(case: Case, engine: Places) -> None:
    case.start()
    wait(lambda: case.dialog.phase is Phase.RUNNING)
    close_window(case.running)
    require_nothing_left(case, engine)
    assert case.states() == [JobState.CANCELLED]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "phase"),
    [(1, "encoding"), (1, "sharpening"), (1, "decoding"), (2, "sharpening"), (2, "decoding")],
)
def test_at_each_stage(case: Case, engine: Places, stage: int, phase: str) -> None:
    case.start()
    wait(at(case, stage, phase))
    was_running = case.dialog.phase is Phase.RUNNING
    assert orphans(case.client, engine.home) or phase == "decoding"
    close_window(case.running)
    require_nothing_left(case, engine)
    (state,) = case.states()
    # the last of the work may be done before the engine hears of it
    assert state is JobState.CANCELLED or (phase == "decoding" and state is JobState.DONE)
    assert was_running or phase == "decoding"


@pytest.mark.slow
def test_back_to_the_settings_at_each_stage_and_then_gone(case: Case, engine: Places) -> None:
    for stage in (1, 2):
        case.start()
        wait(at(case, stage, "sharpening"))
        case.dialog.cancel()
        assert case.dialog.phase is Phase.CHOOSING
        assert not case.host.is_told
    close_window(case.running)
    require_nothing_left(case, engine)
    assert case.states() == [JobState.CANCELLED] * 2


@pytest.mark.slow
def test_when_it_is_there(case: Case, engine: Places) -> None:
    """Discarded, it is still in the recent results for a day, and the host does not get it."""
    case.start()
    wait(lambda: case.dialog.phase is Phase.COMPARING)
    (discard,) = [
        one
        for one in case.running.window.decide_panel.findChildren(QPushButton)
        if one.text() == "Discard"
    ]
    QTest.mouseClick(discard, Qt.MouseButton.LeftButton)
    require_nothing_left(case, engine)
    assert case.states() == [JobState.DONE]
    assert case.host.last.options == OPTIONS
