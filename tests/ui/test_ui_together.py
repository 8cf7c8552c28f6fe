"""More than one dialog, nobody at the window, and a worker that is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator

import numpy as np
import pytest
from PySide6.QtGui import QIcon
from real_engine import (
    Dialogs,
    Host,
    client_of,
    let_dialogs_start_engines,
    open_session,
    ready,
    served,
    wait,
)

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import JobInfo, JobState, SessionState
from scalediff_engine.client.places import Places
from scalediff_engine.ui import context
from scalediff_engine.ui.dialog import Phase

pytestmark = pytest.mark.slow


class Messages:
    """The system's tray, as far as the dialog is concerned."""

    said: list[str] = []  # noqa: RUF012 - the program makes the instance

    def __init__(self, icon: QIcon) -> None:
        assert not icon.isNull()

    def begin(self, on_click: Callable[[], None]) -> bool:
        return True

    def say(self, title: str, text: str) -> None:
        self.said.append(f"{title}: {text}")

    def end(self) -> None: ...


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Places]:
    home = tmp_path_factory.mktemp("engine") / "home"
    with pytest.MonkeyPatch.context() as patch:
        let_dialogs_start_engines(home, patch)
        with served(home) as places:
            yield places


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(context, "TrayNotifier", Messages)
    Messages.said.clear()
    return Messages.said


def newest_of(client: Client) -> JobInfo:
    """The person's last job: dialogs ask for looks and guesses by themselves, without a title."""
    return next(job for job in client.jobs().jobs if job.title)


def test_two_dialogs_at_once_each_get_their_own_result(engine: Places, dialogs: Dialogs) -> None:
    client = client_of(engine)
    sessions = [open_session(client, side=64 + 16 * n, seed=n) for n in range(2)]
    hosts = [Host(client, session) for session in sessions]
    opened = [dialogs.for_session(session, engine).dialog for session in sessions]
    wait(lambda: all(ready(dialog) for dialog in opened))
    for dialog in opened:
        dialog.start()
    wait(lambda: all(dialog.phase is Phase.COMPARING for dialog in opened))
    shown = [dialog.shown for dialog in opened]
    assert [(one.width, one.height) for one in shown if one] == [(128, 128), (160, 160)]
    for dialog in opened:
        dialog.accept()
    wait(lambda: all(host.is_told for host in hosts))
    assert [host.last.state for host in hosts] == [SessionState.ACCEPTED] * 2
    for session, host, picture in zip(sessions, hosts, shown, strict=True):
        assert host.last.job is not None
        assert client.job(host.last.job).image == session.image
        assert picture is not None
        result = np.frombuffer(client.result(host.last.job).samples, np.uint8)
        assert (result == picture.samples).all()


def test_a_result_that_comes_while_the_window_is_away_is_told_and_kept(
    engine: Places, dialogs: Dialogs, messages: list[str]
) -> None:
    client = client_of(engine)
    session = open_session(client, seed=7)
    running = dialogs.for_session(session, engine)
    dialog, window = running.dialog, running.window
    wait(lambda: ready(dialog))
    dialog.start()
    wait(lambda: dialog.phase is Phase.RUNNING)
    dialog.work_in_background()
    assert not window.isVisible()
    assert dialog.progress is not None
    job_id = dialog.progress.job_id
    wait(lambda: bool(messages))
    assert messages == ["The result is there: Layer 7 is upscaled."]
    newest = newest_of(client)
    assert (newest.id, newest.state, newest.title) == (job_id, JobState.DONE, "Layer 7")
    assert client.result(job_id).header.width == 128
    assert window.isVisible()
    assert dialog.phase is Phase.COMPARING


def test_an_editor_that_goes_away_meanwhile_finds_the_result_later(
    engine: Places, dialogs: Dialogs, messages: list[str]
) -> None:
    client = client_of(engine)
    session = open_session(client, seed=8)
    running = dialogs.for_session(session, engine)
    dialog = running.dialog
    wait(lambda: ready(dialog))
    dialog.start()
    wait(lambda: dialog.phase is Phase.RUNNING)
    dialog.work_in_background()
    dialog.session_ended()  # as the end of its standard input says
    assert not running.window.isVisible()
    wait(lambda: newest_of(client).state is JobState.DONE)
    newest = newest_of(client)
    assert newest.title == "Layer 8"
    assert client.result(newest.id).header.width == 128


def test_a_worker_that_is_killed_in_the_middle_costs_no_result(
    engine: Places, dialogs: Dialogs
) -> None:
    client = client_of(engine)
    expected: list[bytes] = []
    for is_killed in (False, True):
        session = open_session(client, side=96, seed=9, scale=4.0)
        dialog = dialogs.for_session(session, engine).dialog
        wait(lambda dialog=dialog: ready(dialog))
        dialog.start()

        def has_begun(dialog: object = dialog) -> bool:
            assert hasattr(dialog, "progress")
            found = dialog.progress
            return found is not None and found.progress is not None and found.progress.step > 0

        wait(has_begun)
        if is_killed:
            pid = client.health().worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        wait(lambda dialog=dialog: dialog.phase is Phase.COMPARING)
        assert dialog.problem is None
        shown = dialog.shown
        assert shown is not None
        expected.append(bytes(shown.samples))
        job = newest_of(client)
        assert (job.attempts > 1) is is_killed
    assert expected[0] == expected[1]
