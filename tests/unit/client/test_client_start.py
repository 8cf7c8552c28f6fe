"""Finding and starting engines: real processes, a stand-in for what answers."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from engine_processes import STAND_IN, channel_to, kill_the_engine_of, log_of, within
from scripted_engine import ScriptedEngine, free_port, message

from scalediff_engine.client import start
from scalediff_engine.client.errors import (
    EngineNotInstalled,
    EngineNotStarted,
    ProtocolMismatch,
    UnsafeEngineFile,
)
from scalediff_engine.client.places import (
    EngineRecord,
    Places,
    is_alive,
    process_space,
    read_engine,
    write_engine,
)
from scalediff_engine.client.start import find, find_command, find_or_start

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
COMMAND = STAND_IN[:-1]  # "serve" is said by whoever starts it


@pytest.fixture
def places(tmp_path: Path) -> Generator[Places]:
    places = Places(tmp_path / "home")
    yield places
    kill_the_engine_of(places)


@pytest.fixture
def environ() -> dict[str, str]:
    return {**os.environ, "SCALEDIFF_COMMAND": json.dumps(COMMAND)}


def environment_of(record: EngineRecord) -> dict[str, str]:
    return channel_to(record).call("GET", "/v1/environment", json.loads)


def test_an_engine_is_started_and_then_found(places: Places, environ: dict[str, str]) -> None:
    assert find(places) is None
    record = find_or_start(places, environ=environ)
    assert is_alive(record.pid)
    assert find(places) == record
    assert find_or_start(places, environ={}) == record


def test_the_engine_lives_in_a_session_of_its_own(places: Places, environ: dict[str, str]) -> None:
    record = find_or_start(places, environ=environ)
    assert os.getsid(record.pid) == record.pid != os.getsid(0)
    held = [str(Path(f"/proc/{record.pid}/fd/{number}").readlink()) for number in (0, 1)]
    assert held == [os.devnull, os.devnull]


def test_it_starts_from_an_environment_that_would_break_it(
    places: Places, environ: dict[str, str], tmp_path: Path
) -> None:
    poison = tmp_path / "poison"
    poison.mkdir()
    for name in ("encodings", "asyncio", "sitecustomize", "uvicorn"):
        (poison / f"{name}.py").write_text("raise SystemExit('poisoned')")
    environ.update(
        PYTHONPATH=str(poison),
        PYTHONHOME=str(poison),
        PYTHONSTARTUP=str(poison / "encodings.py"),
        LD_LIBRARY_PATH=str(poison),
        QT_PLUGIN_PATH=str(poison),
        APPDIR=str(poison),
        DISPLAY=":7",
    )
    seen = environment_of(find_or_start(places, environ=environ))
    assert not any(str(poison) in value for value in seen.values())
    assert seen["DISPLAY"] == ":7"
    assert seen["SCALEDIFF_HOME"] == str(places.home)


def test_hosts_that_start_at_the_same_moment_find_one_engine(
    places: Places, environ: dict[str, str]
) -> None:
    found: list[EngineRecord] = []
    hosts = [
        threading.Thread(target=lambda: found.append(find_or_start(places, environ=dict(environ))))
        for _ in range(3)
    ]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join(40)
    assert len(found) == 3
    assert len(set(found)) == 1


def test_one_that_was_killed_is_replaced(places: Places, environ: dict[str, str]) -> None:
    first = find_or_start(places, environ=environ)
    os.kill(first.pid, signal.SIGKILL)
    second = find_or_start(places, environ=environ)
    assert second.pid != first.pid
    assert second.token != first.token


def test_one_that_is_about_to_end_is_waited_for(places: Places, environ: dict[str, str]) -> None:
    first = find_or_start(places, environ={**environ, "STAND_IN_CLOSING": "2"})
    channel_to(first).call("POST", "/v1/shutdown", lambda _: None)
    assert within(5, lambda: find(places) is None)
    assert is_alive(first.pid)
    assert find_or_start(places, environ=environ).pid != first.pid
    assert not is_alive(first.pid)


def test_a_client_outlives_its_engine(
    places: Places, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEDIFF_COMMAND", environ["SCALEDIFF_COMMAND"])
    client = start.connect(places.home)
    before = client.health().pid
    os.kill(before, signal.SIGKILL)
    assert within(5, lambda: not is_alive(before))
    assert client.health().pid != before


def test_no_warning_and_no_zombie_is_left(places: Places, environ: dict[str, str]) -> None:
    record = find_or_start(places, environ=environ)
    gc.collect()
    os.kill(record.pid, signal.SIGKILL)
    proc = Path(f"/proc/{record.pid}")
    assert within(5, lambda: not proc.exists())


def test_the_port_of_another_program_is_no_engine(places: Places, environ: dict[str, str]) -> None:
    with ScriptedEngine(lambda _: message({})) as other:
        other.script = lambda _: dataclasses.replace(message({}), protocol=None)
        stale = dataclasses.replace(other.record, pid=os.getpid(), pid_space=process_space())
        write_engine(places, stale)
        assert find(places) is None
        assert find_or_start(places, environ=environ).port != stale.port


def test_a_port_where_nobody_listens_is_no_engine(places: Places) -> None:
    stale = EngineRecord(os.getpid(), free_port(), "x", 1, "0", 0.0, process_space())
    write_engine(places, stale)
    assert find(places) is None


def test_an_engine_of_another_version_is_not_replaced(
    places: Places, environ: dict[str, str]
) -> None:
    write_engine(places, EngineRecord(os.getpid(), 1, "x", 99, "9", 0.0, process_space()))
    with pytest.raises(ProtocolMismatch, match=r"the engine 99: update the plug-in\."):
        find_or_start(places, environ=environ)


def test_an_unsafe_file_is_not_passed_over(places: Places, environ: dict[str, str]) -> None:
    write_engine(places, EngineRecord(os.getpid(), 1, "x", 1, "0", 0.0))
    places.engine_file.chmod(0o644)
    with pytest.raises(UnsafeEngineFile, match="Others may read"):
        find_or_start(places, environ=environ)
    places.engine_file.unlink()


# What can go wrong


def test_an_engine_that_is_not_installed_is_said(places: Places, tmp_path: Path) -> None:
    with pytest.raises(EngineNotInstalled, match=r"not installed: .*Install ScaleDiff") as caught:
        find_or_start(places, environ={"PATH": str(tmp_path)})
    assert caught.value.problem.code == "engine-not-installed"


def test_a_program_that_is_not_there_is_said(places: Places) -> None:
    with pytest.raises(EngineNotStarted, match=r"/nowhere/python: No such file or directory\."):
        find_or_start(places, environ={"SCALEDIFF_COMMAND": '["/nowhere/python"]'})


def python(code: str) -> dict[str, str]:
    return {"SCALEDIFF_COMMAND": json.dumps([sys.executable, "-c", code])}


def test_an_engine_that_breaks_down_is_said_with_its_last_words(places: Places) -> None:
    with pytest.raises(EngineNotStarted) as caught:
        find_or_start(places, environ=python("raise ImportError('no module uvicorn')"))
    assert str(caught.value) == (
        "The engine did not start (exit code 1): ImportError: no module uvicorn. "
        f"More is in {places.log}."
    )


def test_an_engine_that_says_nothing_is_said(places: Places) -> None:
    with pytest.raises(EngineNotStarted, match=r"exit code 3\)\. More is in"):
        find_or_start(places, environ=python("import sys; sys.exit(3)"))


def test_a_lock_whose_holder_is_never_seen_is_given_up(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(start, "_MOST_REFUSALS", 2)
    code = "import sys; sys.stderr.write('Port 1 is taken.'); sys.exit(8)"
    with pytest.raises(EngineNotStarted, match=r"\(exit code 8\): Port 1 is taken\."):
        find_or_start(places, environ=python(code))


def test_an_engine_that_does_not_come_up_is_said(places: Places) -> None:
    with pytest.raises(EngineNotStarted, match="did not start within 1 s") as caught:
        find_or_start(places, environ=python("import time; time.sleep(3)"), start_seconds=1)
    assert str(places.log) in str(caught.value)


def test_an_engine_that_runs_and_is_stuck_is_said(
    places: Places, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_HEALTH_SECONDS", 0.2)
    record = find_or_start(places, environ=environ)
    os.kill(record.pid, signal.SIGSTOP)
    with pytest.raises(EngineNotStarted, match=rf"process {record.pid}\) but does not answer"):
        find_or_start(places, environ=environ, start_seconds=2)
    os.kill(record.pid, signal.SIGCONT)


def test_an_engine_that_does_not_know_us_is_not_ours_and_that_is_said(
    places: Places, environ: dict[str, str]
) -> None:
    record = find_or_start(places, environ=environ)
    write_engine(places, dataclasses.replace(record, token="wrong"))  # noqa: S106
    assert find(places) is None
    with pytest.raises(EngineNotStarted, match=r"An engine runs .* End it and try again"):
        find_or_start(places, start_seconds=1, environ=environ)


def test_the_log_of_starts_stays_small(places: Places, environ: dict[str, str]) -> None:
    places.log.mkdir(parents=True)
    places.start_log.write_bytes(b"x" * (start._MAX_LOG_BYTES + 1))
    find_or_start(places, environ=environ)
    assert places.start_log.stat().st_size < 1000
    assert "Traceback" not in log_of(places)


# Which command


def test_the_environment_has_the_first_word(places: Places, tmp_path: Path) -> None:
    program = tmp_path / "my engine"
    program.touch()
    for told, expected in [
        ('["a b", "c"]', ["a b", "c"]),
        ("python -m 'x y'", ["python", "-m", "x y"]),
        (str(program), [str(program)]),
    ]:
        assert find_command(places, {"SCALEDIFF_COMMAND": told}) == expected


def test_then_the_file_in_the_home_folder(places: Places) -> None:
    places.home.mkdir()
    places.command_file.write_text(json.dumps([sys.executable, "-m", "scalediff_engine"]))
    assert find_command(places, {"PATH": ""}) == [sys.executable, "-m", "scalediff_engine"]


def test_then_the_path(places: Places, tmp_path: Path) -> None:
    places.home.mkdir()
    places.command_file.write_text('["/deleted/python", "-m", "scalediff_engine"]')
    program = tmp_path / "scalediff"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_command(places, {"PATH": str(tmp_path)}) == [str(program)]


def test_a_program_in_the_editors_bundle_is_not_taken(places: Places, tmp_path: Path) -> None:
    program = tmp_path / "usr" / "bin" / "scalediff"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environ = {"PATH": str(program.parent), "APPDIR": str(tmp_path)}
    with pytest.raises(EngineNotInstalled):
        find_command(places, environ)


def test_nothing_is_left_of_an_engine_that_was_told_to_end(
    places: Places, environ: dict[str, str]
) -> None:
    record = find_or_start(places, environ=environ)
    channel_to(record).call("POST", "/v1/shutdown", lambda _: None)
    assert within(10, lambda: not is_alive(record.pid))
    assert read_engine(places) is None
