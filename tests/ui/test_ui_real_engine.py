"""The dialog over the real engine, with the model that comes with the program."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel
from real_engine import (
    Dialogs,
    client_of,
    let_dialogs_start_engines,
    open_session,
    ready,
    serve,
    served,
    wait,
)

from scalediff_engine.client.messages import JobState, SessionState
from scalediff_engine.client.places import Places
from scalediff_engine.client.start import find
from scalediff_engine.ui.dialog import Phase
from scalediff_engine.ui.job_follower import SILENCE_SECONDS
from scalediff_engine.ui.origin import FileOpening, SessionOpening


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "home"
    let_dialogs_start_engines(found, monkeypatch)
    return found


@pytest.fixture
def engine(home: Path) -> Generator[Places]:
    with served(home) as places:
        yield places


def test_a_session_from_open_to_accept(engine: Places, dialogs: Dialogs) -> None:
    client = client_of(engine)
    session = open_session(client, canvas="keep")
    record = find(engine)
    running = dialogs.open(SessionOpening(session.id, record), engine.home)
    dialog = running.dialog
    wait(lambda: ready(dialog))
    assert dialog.upscale is not None
    assert dialog.upscale.result == (128, 128)
    previews: list[int] = []
    dialog.start()
    wait(lambda: dialog.phase is Phase.RUNNING)
    assert dialog.progress is not None
    dialog.progress.changed.add(
        lambda: dialog.progress and dialog.progress.preview and previews.append(1)
    )
    wait(lambda: dialog.phase is Phase.COMPARING)
    assert previews
    shown = dialog.shown
    assert shown is not None
    assert (shown.width, shown.height) == (128, 128)
    dialog.accept()
    wait(lambda: dialog.phase is Phase.ENDED or dialog.problem is not None)
    assert dialog.problem is None
    answered = client.session(session.id)
    assert answered.state is SessionState.ACCEPTED
    assert answered.options == {"canvas": "keep"}
    assert answered.job is not None
    result = client.result(answered.job)
    assert (result.header.width, result.header.height) == (128, 128)
    assert (np.frombuffer(result.samples, np.uint8) == shown.samples).all()


@pytest.mark.slow
def test_a_file_from_open_to_saved(home: Path, tmp_path: Path, dialogs: Dialogs) -> None:
    """No engine runs: the dialog starts one."""
    file = tmp_path / "cat.png"
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    (tmp_path / "cat_x4.png").write_text("mine")
    running = dialogs.open(FileOpening(file), home)
    dialog = running.dialog
    try:
        wait(lambda: ready(dialog))
        dialog.start()
        wait(lambda: dialog.phase is Phase.COMPARING)
        dialog.accept()
        wait(lambda: bool(dialog.note))
        assert "cat_x4-2.png" in dialog.note
        with Image.open(tmp_path / "cat_x4-2.png") as saved:
            assert saved.size == (256, 192)
            assert b"<scalediff:recipe>" in saved.info["xmp"]
        assert (tmp_path / "cat_x4.png").read_text() == "mine"
        assert (home / "dialog" / "settings.json").is_file()
    finally:
        client_of(Places(home)).shutdown()


def test_cancel_reaches_the_engine(engine: Places, dialogs: Dialogs) -> None:
    client = client_of(engine)
    session = open_session(client, canvas="keep")
    running = dialogs.open(SessionOpening(session.id, find(engine)), engine.home)
    dialog = running.dialog
    wait(lambda: ready(dialog))
    dialog.start()
    wait(lambda: dialog.phase is Phase.RUNNING)
    dialog.cancel()
    assert dialog.phase is Phase.CHOOSING  # before the engine has answered
    wait(lambda: all(job.state is JobState.CANCELLED for job in client.jobs().jobs))


@pytest.mark.slow
def test_an_engine_killed_in_the_middle_is_started_again_and_the_job_goes_on(
    home: Path, dialogs: Dialogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = serve(home)
    file = tmp_path / "cat.png"
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    running = dialogs.open(FileOpening(file), home)
    dialog = running.dialog
    wait(lambda: ready(dialog))
    dialog.start()
    wait(lambda: dialog.progress is not None and dialog.progress.progress is not None)
    let_dialogs_start_engines(home, monkeypatch, after_seconds=SILENCE_SECONDS + 3)
    process.kill()
    process.wait(10)
    try:
        panel = running.window.progress_panel
        wait(lambda: any("does not answer" in one.text() for one in panel.findChildren(QLabel)))
        wait(lambda: dialog.progress is not None and not dialog.progress.is_lost)
        wait(lambda: dialog.phase is Phase.COMPARING)
        shown = dialog.shown
        assert shown is not None
        assert (shown.width, shown.height) == (384, 384)
    finally:
        client_of(Places(home)).shutdown()
