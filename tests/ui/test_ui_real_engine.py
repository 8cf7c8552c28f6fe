"""The dialog over the real engine, with the model that comes with the program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication

from scalediff_engine.ui.app import Options, Running
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.opening import FileOpening, Opening, SessionOpening
from scalediff_engine.wire.client import Client
from scalediff_engine.wire.messages import (
    JobState,
    SessionInfo,
    SessionRequest,
    SessionState,
    UpscaleSettings,
)
from scalediff_engine.wire.pixels import PixelHeader
from scalediff_engine.wire.places import HOME_VARIABLE, Places
from scalediff_engine.wire.start import COMMAND_VARIABLE, find

Wait = Callable[..., None]
ROOT = Path(__file__).parents[2]
LONG_MS = 25_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(found))
    code = f"import sys; sys.path.append({str(ROOT)!r}); "
    code += "from scalediff_engine.cli.main import run; run()"
    monkeypatch.setenv(COMMAND_VARIABLE, json.dumps([sys.executable, "-P", "-c", code]))
    return found


def serve(home: Path) -> subprocess.Popen[bytes]:
    """Start an engine and wait until it answers."""
    command = [sys.executable, "-m", "scalediff_engine", "serve", "--home", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while find(Places(home)) is None:
        assert process.poll() is None, "the engine ended"
        assert time.monotonic() < end
        time.sleep(0.05)
    return process


@pytest.fixture
def engine(home: Path) -> Generator[Places]:
    process = serve(home)
    yield Places(home)
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def client_of(places: Places) -> Client:
    record = find(places)
    assert record is not None
    return Client(lambda: record)


@pytest.fixture
def open_dialog(app: QApplication) -> Generator[Callable[[Opening, Path], Running]]:
    opened: list[Running] = []

    def open_it(opening: Opening, home: Path) -> Running:
        running = Running(app, opening, Options(home=home), lambda: None)
        opened.append(running)
        running.begin()
        return running

    yield open_it
    for running in opened:
        running.window.hide()
        running.close()


def open_session(client: Client) -> SessionInfo:
    samples = np.random.default_rng(0).integers(0, 256, 64 * 64 * 4, np.uint8)
    header = PixelHeader(64, 64, "rgb", "u8", alpha="straight", order="bgr")
    image = client.upload(header, samples)
    request = SessionRequest(
        image.id, "krita", "Layer 1", UpscaleSettings(scale=2.0, seed=3),
        environment={"QT_QPA_PLATFORM": "offscreen"}, options={"canvas": "keep"},
    )  # fmt: skip
    return client.open_session(request)


def ready(dialog: DialogModel) -> bool:
    return dialog.upscale is not None and dialog.upscale.can_start


def test_a_session_from_open_to_accept(
    engine: Places, open_dialog: Callable[[Opening, Path], Running], wait_until: Wait
) -> None:
    client = client_of(engine)
    session = open_session(client)
    record = find(engine)
    running = open_dialog(SessionOpening(session.id, record), engine.home)
    dialog = running.dialog
    wait_until(lambda: ready(dialog), LONG_MS)
    assert dialog.upscale is not None
    assert dialog.upscale.result == (128, 128)
    previews: list[int] = []
    dialog.start()
    wait_until(lambda: dialog.phase is Phase.RUNNING, LONG_MS)
    assert dialog.progress is not None
    dialog.progress.changed.add(
        lambda: dialog.progress and dialog.progress.preview and previews.append(1)
    )
    wait_until(lambda: dialog.phase is Phase.COMPARING, LONG_MS)
    assert previews
    shown = dialog.shown
    assert shown is not None
    assert (shown.width, shown.height) == (128, 128)
    dialog.accept()
    wait_until(lambda: dialog.phase is Phase.ENDED or dialog.problem is not None, LONG_MS)
    assert dialog.problem is None
    answered = client.session(session.id)
    assert answered.state is SessionState.ACCEPTED
    assert answered.options == {"canvas": "keep"}
    assert answered.job is not None
    result = client.result(answered.job)
    assert (result.header.width, result.header.height) == (128, 128)
    assert (np.frombuffer(result.samples, np.uint8) == shown.samples).all()


def test_a_file_from_open_to_saved(
    home: Path, tmp_path: Path, open_dialog: Callable[[Opening, Path], Running], wait_until: Wait
) -> None:
    """No engine runs: the dialog starts one."""
    file = tmp_path / "cat.png"
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    (tmp_path / "cat_x4.png").write_text("mine")
    running = open_dialog(FileOpening(file), home)
    dialog = running.dialog
    try:
        wait_until(lambda: ready(dialog), LONG_MS)
        dialog.start()
        wait_until(lambda: dialog.phase is Phase.COMPARING, LONG_MS)
        dialog.accept()
        wait_until(lambda: bool(dialog.note), LONG_MS)
        assert "cat_x4-2.png" in dialog.note
        with Image.open(tmp_path / "cat_x4-2.png") as saved:
            assert saved.size == (256, 192)
            assert "scalediff" in saved.info
        assert (tmp_path / "cat_x4.png").read_text() == "mine"
        assert (home / "dialog" / "settings.json").is_file()
    finally:
        client_of(Places(home)).shutdown()


def test_cancel_reaches_the_engine(
    engine: Places, open_dialog: Callable[[Opening, Path], Running], wait_until: Wait
) -> None:
    client = client_of(engine)
    session = open_session(client)
    running = open_dialog(SessionOpening(session.id, find(engine)), engine.home)
    dialog = running.dialog
    wait_until(lambda: ready(dialog), LONG_MS)
    dialog.start()
    wait_until(lambda: dialog.phase is Phase.RUNNING, LONG_MS)
    began = time.monotonic()
    dialog.cancel()
    assert dialog.phase is Phase.CHOOSING
    assert time.monotonic() - began < 0.05
    wait_until(lambda: all(job.state is JobState.CANCELLED for job in client.jobs().jobs), LONG_MS)


def test_an_engine_killed_in_the_middle_is_started_again_and_the_job_goes_on(
    home: Path, open_dialog: Callable[[Opening, Path], Running], tmp_path: Path, wait_until: Wait
) -> None:
    process = serve(home)
    file = tmp_path / "cat.png"
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    running = open_dialog(FileOpening(file), home)
    dialog = running.dialog
    wait_until(lambda: ready(dialog), LONG_MS)
    dialog.start()
    wait_until(
        lambda: dialog.progress is not None and dialog.progress.progress is not None, LONG_MS
    )
    process.kill()
    process.wait(10)
    try:
        wait_until(lambda: dialog.phase is Phase.COMPARING, LONG_MS)
        shown = dialog.shown
        assert shown is not None
        assert (shown.width, shown.height) == (384, 384)
    finally:
        client_of(Places(home)).shutdown()
