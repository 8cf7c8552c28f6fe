"""Sessions, with a scripted stand-in for the dialog that talks to the engine as the real one."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_server import TOKEN, Running, fake_engine, serving

from scalediff_engine.base.process import Program
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import NotFound
from scalediff_engine.client.messages import SessionInfo, SessionRequest, SessionState
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.server.engine import EnginePatience
from scalediff_engine.server.sessions import SessionPatience

STAND_IN = Path(__file__).with_name("stand_in_dialog.py")
ROOT = Path(__file__).parents[2]
PATIENCE = EnginePatience(sessions=SessionPatience(first=5.0, gone=0.4, remembered=60, most=3))
DISPLAY = {"DISPLAY": ":7", "LANG": "de_AT.UTF-8", "LC_NUMERIC": "C", "QT_SCALE_FACTOR": "2"}

Open = Callable[..., "Opened"]


class Opened:
    """A session with a stand-in dialog."""

    def __init__(self, server: Running, notes: Path, info: SessionInfo) -> None:
        self.server = server
        self.notes = notes
        self.info = info
        record = EngineRecord(0, server.port, TOKEN, 1, "0", 0.0)
        self.client = Client(lambda: record)

    def seen(self) -> dict[str, Any]:
        """What the dialog was started with."""
        wait_for(self.notes.exists)
        return json.loads(self.notes.read_text())

    def now(self) -> SessionInfo:
        return self.client.session(self.info.id)

    def is_gone(self) -> bool:
        return not psutil.pid_exists(self.seen()["pid"])


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def open_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Open]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-of-the-engine")
    notes = tmp_path / "notes.json"
    with ExitStack() as stack:

        def opened(what: str, argv: list[str] | None = None, **fields: Any) -> Opened:
            program = Program(
                argv or [sys.executable, str(STAND_IN), what, str(notes)],
                tmp_path / "log" / "dialog.log",
                last_words_s=0.5 if what == "stubborn" else 5.0,
            )
            engine = fake_engine(tmp_path / "home", dialog=program, patience=PATIENCE)
            server = stack.enter_context(serving(engine))
            request = {
                "image": server.upload(),
                "host": "krita",
                "title": "Layer 1",
                "environment": DISPLAY,
                "options": {"depth": "u16"},
                **fields,
            }
            answer = server.ask("POST", "/v1/sessions", request)
            assert answer.status == 201, answer.body
            return Opened(
                server,
                notes,
                SessionInfo(**{**answer.json, "state": SessionState(answer.json["state"])}),
            )

        yield opened


def test_a_dialog_that_accepts_ends_its_session_with_a_job(open_session: Open) -> None:
    found = open_session("accept")
    assert (found.info.state, found.info.host) == (SessionState.OPEN, "krita")
    with found.client.watch_session(found.info.id) as watch:
        states = [info.state for info in watch]
    assert states in ([SessionState.OPEN, SessionState.ACCEPTED], [SessionState.ACCEPTED])
    now = found.now()
    (job,) = found.client.jobs().jobs
    assert (now.job, job.title) == (job.id, "Layer 1")
    assert now.options == {"depth": "u16", "canvas": "resized"}
    wait_for(found.is_gone)
    assert found.now() == now


def test_a_dialog_that_says_why_it_cannot_open_says_so_to_the_host(open_session: Open) -> None:
    found = open_session("complain")
    wait_for(lambda: found.now().state is SessionState.FAILED)
    problem = found.now().problem
    assert problem is not None
    assert problem.message == "The windows need PySide6."


def test_a_dialog_knows_theme_and_language_before_its_first_window(open_session: Open) -> None:
    options = {"theme": "light", "language": "de", "canvas": "keep"}
    told = open_session("leave", options=options).seen()["told"]
    assert (told["theme"], told["language"]) == ("light", "de")
    assert "canvas" not in told


def test_a_theme_that_is_no_word_is_not_passed_on(open_session: Open) -> None:
    told = open_session("leave", options={"theme": "x" * 33, "language": ""}).seen()["told"]
    assert "theme" not in told
    assert "language" not in told


def test_a_dialog_that_discards_ends_its_session(open_session: Open) -> None:
    found = open_session("discard")
    wait_for(lambda: found.now().state is SessionState.DISCARDED)
    assert found.now().job is None


def test_a_dialog_that_leaves_without_an_answer_discards(open_session: Open) -> None:
    found = open_session("leave")
    wait_for(lambda: found.now().state is SessionState.DISCARDED)


@pytest.mark.parametrize("what", ["fail", "crash"])
def test_a_dialog_that_fails_is_told_with_a_problem(open_session: Open, what: str) -> None:
    found = open_session(what)
    wait_for(lambda: found.now().state is SessionState.FAILED)
    problem = found.now().problem
    assert problem is not None
    assert problem.code == "engine"
    assert "status" in problem.message


def test_a_dialog_that_is_not_there_is_told_with_a_problem(open_session: Open) -> None:
    found = open_session("", argv=["/no/such/dialog"])
    assert found.info.state is SessionState.FAILED
    assert found.now().problem is not None


def test_a_dialog_learns_its_display_and_nothing_else_from_the_caller(open_session: Open) -> None:
    dangerous = {
        "LD_PRELOAD": "/evil.so",
        "PATH": "/evil",
        "PYTHONPATH": "/evil",
        "QT_PLUGIN_PATH": "/evil",
        "SCALEDIFF_HOME": "/evil",
        "display": ":9",
    }
    seen = open_session("leave", environment={**DISPLAY, **dangerous}).seen()
    given = seen["environment"]
    assert {name: given.get(name) for name in DISPLAY} == DISPLAY
    assert not [name for name, value in given.items() if "evil" in value]
    assert "display" not in given
    # half of the caller's display and half of the engine's would be neither
    assert "WAYLAND_DISPLAY" not in given


def test_without_a_display_of_the_caller_the_engines_own_is_used(open_session: Open) -> None:
    seen = open_session("leave", environment={}).seen()
    assert seen["environment"]["WAYLAND_DISPLAY"] == "wayland-of-the-engine"


def test_the_token_is_told_where_other_users_cannot_read_it(open_session: Open) -> None:
    found = open_session("leave")
    seen = found.seen()
    assert seen["told"] == {
        "session": found.info.id,
        "pid": os.getpid(),
        "port": found.server.port,
        "token": TOKEN,
        "home": str(found.server.engine.places.home),
    }
    assert not [word for word in seen["argv"] if TOKEN in word or found.info.id in word]
    assert TOKEN not in json.dumps(seen["environment"])


def test_a_variable_with_a_null_character_is_refused(open_session: Open) -> None:
    server = open_session("leave").server
    request = {"image": server.upload(), "host": "x", "environment": {"LANG": "\0"}}
    assert server.ask("POST", "/v1/sessions", request).problem == (422, "usage")


def test_a_host_that_ends_its_session_ends_the_dialog(open_session: Open) -> None:
    found = open_session("work")
    found.seen()
    found.client.end_session(found.info.id)
    assert found.now().state is SessionState.DISCARDED
    wait_for(found.is_gone)
    assert found.notes.with_suffix(".told").exists()


def test_a_host_that_goes_away_ends_the_session_and_the_job_stays(open_session: Open) -> None:
    found = open_session("work")
    wait_for(lambda: found.client.jobs().jobs)
    watch = found.client.watch_session(found.info.id)
    next(watch)
    time.sleep(0.8)
    assert found.now().state is SessionState.OPEN
    watch.close()
    wait_for(lambda: found.now().state is SessionState.DISCARDED)
    wait_for(found.is_gone)
    (job,) = found.client.jobs().jobs
    assert not job.state.is_final
    assert found.now().job == job.id


def test_a_host_that_comes_back_in_time_keeps_its_session(open_session: Open) -> None:
    found = open_session("work")
    for _ in range(4):
        with found.client.watch_session(found.info.id) as watch:
            next(watch)
        time.sleep(0.2)
    assert found.now().state is SessionState.OPEN


def test_a_stubborn_dialog_is_ended(open_session: Open) -> None:
    found = open_session("stubborn")
    found.seen()
    wait_for(found.notes.with_suffix(".ready").exists)
    found.client.end_session(found.info.id)
    wait_for(found.is_gone)


def test_the_second_answer_is_refused(open_session: Open) -> None:
    found = open_session("work")
    path = f"/v1/sessions/{found.info.id}/answer"
    server = found.server
    assert server.ask("POST", path, {"accepted": True}).problem == (422, "usage")
    missing = {"accepted": True, "job": "0" * 32}
    assert server.ask("POST", path, missing).problem == (404, "not-found")
    assert server.ask("POST", path, {"accepted": False}).status == 200
    assert server.ask("POST", path, {"accepted": False}).problem == (409, "wrong-state")


def test_there_are_only_so_many_dialogs(open_session: Open) -> None:
    server = open_session("work").server
    request = {"image": server.upload(), "host": "x"}
    statuses = [server.ask("POST", "/v1/sessions", request).status for _ in range(3)]
    assert statuses == [201, 201, 409]


def test_an_image_with_a_dialog_stays(open_session: Open) -> None:
    found = open_session("work")
    answer = found.server.ask("DELETE", f"/v1/images/{found.info.image}")
    assert answer.problem == (409, "wrong-state")


def test_an_unknown_session_is_not_found(open_session: Open) -> None:
    found = open_session("leave")
    for ask in (found.client.session, found.client.end_session):
        with pytest.raises(NotFound):
            ask("0" * 32)


def test_the_end_of_the_engine_ends_its_dialogs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes.json"
    program = Program([sys.executable, str(STAND_IN), "work", str(notes)], tmp_path / "log")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with serving(fake_engine(tmp_path / "home", dialog=program)) as server:
        request = SessionRequest(server.upload(), "gimp")
        server.ask("POST", "/v1/sessions", request.__dict__)
        wait_for(notes.exists)
        pid = json.loads(notes.read_text())["pid"]
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
