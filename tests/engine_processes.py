"""Engines as real processes in a folder of their own, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from scalediff_engine.client.places import EngineRecord, Places, read_engine
from scalediff_engine.client.transport import Channel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STAND_IN = [sys.executable, str(HERE / "stand_in_engine.py"), "serve"]
REAL = [
    sys.executable,
    "-c",
    f"import sys; sys.path.append({str(ROOT)!r}); from scalediff_engine.cli.main import run; run()",
    "serve",
]


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Wait until something holds; false if it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return holds()


def start(places: Places, *options: str, command: list[str] = STAND_IN) -> subprocess.Popen[str]:
    """Start an engine, without waiting for it."""
    # A suite started in the background ignores these, and so would the engine.
    defaults = {signal.SIGINT, signal.SIGHUP} if os.name == "posix" else set[signal.Signals]()

    def listen_to_signals() -> None:
        for number in defaults:
            signal.signal(number, signal.SIG_DFL)

    return subprocess.Popen(
        [*command, *options],
        env={**os.environ, "SCALEDIFF_HOME": str(places.home), "PYTHONWARNINGS": "default"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_signals,
    )


def wait_for(places: Places, seconds: float = 20.0) -> EngineRecord:
    """Wait until there is an engine that answers."""
    assert within(seconds, lambda: read_engine(places) is not None), log_of(places)
    record = read_engine(places)
    assert record is not None
    channel_to(record).call("GET", "/v1/health", lambda _: None)
    return record


def channel_to(record: EngineRecord) -> Channel:
    return Channel(lambda: record, timeout_seconds=20)


def end_of(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end: exit code, standard output, standard error."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def log_of(places: Places) -> str:
    logs = sorted(places.log.glob("*.log*")) if places.log.is_dir() else []
    return "\n".join(log.read_text("utf-8") for log in logs)


def kill_the_engine_of(places: Places) -> None:
    """End whatever engines a test has left in its folder, those that are just starting too."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            home = process.environ().get("SCALEDIFF_HOME")
            if home == str(places.home) and process.pid != os.getpid():
                process.kill()
