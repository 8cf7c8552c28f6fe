"""A whole engine as processes of its own, for as long as a test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import engine_program
import fake_worker

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import ImageInfo
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import Places, read_engine
from scalediff_engine.server.engine import worker_argv

ROOT = Path(__file__).parents[2]
FAKE_WORKER = (sys.executable, fake_worker.__file__)
T = TypeVar("T")


def real_worker(home: Path, checkpoint_seconds: float) -> list[str]:
    """The worker, with checkpoints so often that a short job has some."""
    return [*worker_argv(Places(home)), "--checkpoint-seconds", str(checkpoint_seconds)]


@dataclass
class EngineProcess:
    """An engine that can be killed and started again.

    Attributes:
        home: its folder
        worker: program and arguments
    """

    home: Path
    worker: Sequence[str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> Client:
        """Somebody outside, who finds it wherever it is."""
        return Client(lambda: read_engine(Places(self.home)))

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        self.process = subprocess.Popen(
            [sys.executable, engine_program.__file__, str(self.home), *self.worker],
            env=os.environ | {"PYTHONPATH": path},
        )
        record = until(lambda: read_engine(Places(self.home)), 20)
        assert record.pid == self.process.pid

    def kill(self) -> None:
        """Pull its plug."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Tell it to end; gives its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def upload(self, side: int = 16) -> ImageInfo:
        """Hand over a picture that is the same every time."""
        samples = bytes(
            (x * 7 + y * 13 + c * 50) % 256
            for y in range(side)
            for x in range(side)
            for c in range(3)
        )
        return self.client.upload(PixelHeader(side, side, "rgb", "u8"), samples)


@contextmanager
def engine(home: Path, worker: Sequence[str] = FAKE_WORKER) -> Iterator[EngineProcess]:
    """An engine that is gone at the end, whatever happens."""
    running = EngineProcess(home, worker)
    running.start()
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.process.terminate()
            try:
                running.process.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()


def until(ask: Callable[[], T | None], seconds: float) -> T:
    """Ask until there is an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"nothing within {seconds} s")
