"""A real engine with the model that comes with the program, and the host's side of a session."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    JobInfo,
    SessionInfo,
    SessionRequest,
    UpscaleSettings,
)
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import HOME_VARIABLE, Places
from scalediff_engine.client.start import COMMAND_VARIABLE, find
from scalediff_engine.ui.app import UpscaleApp
from scalediff_engine.ui.context import Options
from scalediff_engine.ui.dialog import DialogModel
from scalediff_engine.ui.origin import Opening, SessionOpening

ROOT = Path(__file__).parents[2]
LONG_MS = 60_000


def let_dialogs_start_engines(
    home: Path, patch: pytest.MonkeyPatch, after_seconds: float = 0.0
) -> None:
    """Let whoever needs an engine find or start one in this folder, from this clone."""
    patch.setenv(HOME_VARIABLE, str(home))
    code = f"import sys, time; time.sleep({after_seconds}); sys.path.append({str(ROOT)!r}); "
    code += "from scalediff_engine.cli.main import run; run()"
    patch.setenv(COMMAND_VARIABLE, json.dumps([sys.executable, "-P", "-c", code]))


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


@contextmanager
def served(home: Path) -> Iterator[Places]:
    """An engine that is gone at the end."""
    process = serve(home)
    try:
        yield Places(home)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def client_of(places: Places) -> Client:
    record = find(places)
    assert record is not None
    return Client(lambda: record)


def open_session(
    client: Client, side: int = 64, seed: int = 0, scale: float = 2.0, **options: str
) -> SessionInfo:
    """Do what a plug-in does: hand over a layer and ask for a dialog."""
    samples = np.random.default_rng(seed).integers(0, 256, side * side * 4, np.uint8)
    header = PixelHeader(side, side, "rgb", "u8", alpha="straight", order="bgr")
    image = client.upload(header, samples)
    request = SessionRequest(
        image.id,
        "krita",
        f"Layer {seed}",
        UpscaleSettings(scale=scale, seed=3),
        environment={"QT_QPA_PLATFORM": "offscreen"},
        options=options,
    )
    return client.open_session(request)


class Host:
    """A plug-in that waits for what becomes of its session."""

    def __init__(self, client: Client, session: SessionInfo) -> None:
        self.heard: list[SessionInfo] = []
        self._watch = client.watch_session(session.id)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def is_told(self) -> bool:
        """Whether it has heard the end."""
        return bool(self.heard) and self.heard[-1].state.is_final

    @property
    def last(self) -> SessionInfo:
        return self.heard[-1]

    def _listen(self) -> None:
        with suppress(Exception), self._watch as watch:
            for info in watch:
                self.heard.append(info)


class Dialogs:
    """Opens dialogs as the program does, in this process."""

    def __init__(self, app: QApplication) -> None:
        self._app = app
        self._opened: list[UpscaleApp] = []

    def open(self, opening: Opening, home: Path, options: Options | None = None) -> UpscaleApp:
        running = UpscaleApp(self._app, opening, options or Options(home=home), lambda: None)
        self._opened.append(running)
        running.begin()
        return running

    def for_session(self, session: SessionInfo, places: Places) -> UpscaleApp:
        return self.open(SessionOpening(session.id, find(places)), places.home)

    def close(self) -> None:
        for running in self._opened:
            running.window.hide()
            running.close()


def ready(dialog: DialogModel) -> bool:
    return dialog.upscale is not None and dialog.upscale.can_start


def wait(holds: Callable[[], object], timeout_ms: int = LONG_MS) -> None:
    """Let Qt work until something holds."""
    end = time.monotonic() + timeout_ms / 1000
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        QTest.qWait(5)


def orphans(client: Client, home: Path) -> list[str]:
    """What is left that nobody would ever ask for: jobs that run on, folders of no known job."""
    jobs: list[JobInfo] = client.jobs().jobs
    running = [f"{job.id} is {job.state.value}" for job in jobs if not job.state.is_final]
    folder = home / "data" / "spool" / "jobs"
    known = {job.id for job in jobs}
    lying = [path.name for path in folder.iterdir() if path.name not in known]
    return running + lying


def dialog_processes(home: Path) -> list[psutil.Process]:
    """Dialogs that an engine in this folder has opened."""
    record = find(Places(home))
    if record is None:
        return []
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(record.pid).children()
        return [child for child in children if "dialog" in child.cmdline()]
    return []
