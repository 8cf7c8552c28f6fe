"""How a dialog is told what it is for, and notices that nobody wants it any more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from scalediff_engine.base.errors import InputMissing, UsageError
from scalediff_engine.cli.app_dialog import run_dialog
from scalediff_engine.client.errors import EngineNotInstalled
from scalediff_engine.client.messages import PROTOCOL
from scalediff_engine.client.places import EngineRecord, Places, write_engine
from scalediff_engine.client.start import find_command
from scalediff_engine.server.dialog import own_command
from scalediff_engine.ui.engine_locator import Ended, Finder, attach, why
from scalediff_engine.ui.origin import NotTold, read_told
from scalediff_engine.ui.workers import Workers

ROOT = Path(__file__).parents[2]
# nothing listens there
RECORD = EngineRecord(os.getpid(), 9, "t" * 20, PROTOCOL, "", 0.0)


def test_the_engine_s_line_is_read() -> None:
    told = read_told(b'{"session": "s1", "port": 1234, "token": "secret"}\n')
    assert told.session == "s1"
    assert told.engine is not None
    assert (told.engine.port, told.engine.token) == (1234, "secret")
    assert told.home is None
    assert read_told(b'{"session": "s", "port": 1, "token": "t", "home": "/x"}').home == Path("/x")
    assert (told.theme, told.language) == (None, None)
    assert read_told(b'{"session": "s", "pid": 7, "port": 1, "token": "t"}').engine == EngineRecord(
        7, 1, "t", PROTOCOL, "", 0.0
    )
    more = b'{"session": "s", "port": 1, "token": "t", "theme": "light", "language": "de"}'
    assert (read_told(more).theme, read_told(more).language) == ("light", "de")
    odd = b'{"session": "s", "port": 1, "token": "t", "theme": 1, "language": ["de"]}'
    assert (read_told(odd).theme, read_told(odd).language) == (None, None)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"session": 1, "port": 1, "token": ""}',
        b'{"session": "s", "token": "t"}',
        b'{"session": "s", "port": 70000, "token": "t"}',
        b'{"session": "s", "port": "1", "token": "t"}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_makes_no_sense_is_refused_without_the_token(line: bytes) -> None:
    with pytest.raises(NotTold) as refused:
        read_told(line)
    assert "secret" not in str(refused.value)


def test_wrong_usage_is_said_before_a_window_opens(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--session has a picture"):
        run_dialog(["a.png"], "-", None, None)
    with pytest.raises(UsageError, match="dark, light"):
        run_dialog(["a.png"], None, None, "mauve")
    with pytest.raises(InputMissing):
        run_dialog([str(tmp_path / "none.png")], None, None, None)


def test_an_engine_without_a_process_is_lost(tmp_path: Path) -> None:
    assert why(Finder(Places(tmp_path)), RECORD, "s") is Ended.ENGINE


def test_an_engine_that_is_about_to_end_takes_the_dialog_with_it(tmp_path: Path) -> None:
    write_engine(Places(tmp_path), RECORD)
    assert why(Finder(Places(tmp_path)), RECORD, "s") is Ended.SESSION


def test_the_end_of_the_input_is_noticed(
    app: QApplication, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    near, far = os.pipe()
    workers, told = Workers(), list[str]()
    attach(
        workers,
        near,
        Finder(Places(tmp_path)),
        RECORD,
        "s",
        over=lambda: told.append("over"),
        lost=lambda: told.append("lost"),
    )
    os.write(far, b"more")
    wait_until(lambda: not told)
    os.close(far)
    wait_until(lambda: told == ["lost"])
    workers.close()
    os.close(near)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_dialog_ends_when_it_is_told_to(tmp_path: Path) -> None:
    import signal
    import time

    (tmp_path / "x.png").write_bytes(b"no picture")
    environment = {**os.environ, "SCALEDIFF_COMMAND": json.dumps(["false"])}
    command = [sys.executable, "-m", "scalediff_engine", "dialog", str(tmp_path / "x.png")]
    process = subprocess.Popen(
        [*command, "--home", str(tmp_path / "home")], cwd=ROOT, env=environment,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130


def test_a_dialog_in_a_fresh_folder_tells_what_starts_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalediff_engine.ui.app.run", lambda *_: 0)
    home = tmp_path / "home"
    with pytest.raises(EngineNotInstalled):
        find_command(Places(home), {"PATH": ""})
    assert run_dialog([], None, str(home), None) == 0
    assert find_command(Places(home), {"PATH": ""}) == own_command()
