"""A worker as a process, driven from a test, and jobs for it."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from scalediff_engine.client import pixels as wire
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.jobs import spool, worker_process
from scalediff_engine.jobs.worker_process import (
    Alive,
    Done,
    Failed,
    News,
    Order,
    Ready,
    Run,
    Stopped,
)

PATIENCE_S = 120.0
SIDE = 96
QUICK = UpscaleSettings(scale=2.0, steps=6, device="cpu", prompt="a secret prompt")

WORKER = (sys.executable, "-m", "scalediff_engine.worker")

Kind = TypeVar("Kind", bound=News)


class WorkerProcess:
    """A worker whose news are collected.

    Attributes:
        heard: all news but heartbeats, each with the moment it came
    """

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self.log_file = folder / "worker.log"
        self.heard: list[tuple[float, News]] = []
        self.beats: list[float] = []
        self._news: queue.Queue[News | None] = queue.Queue()
        self.started_s = time.monotonic()
        environment = os.environ | {
            "XDG_CACHE_HOME": str(folder / "cache"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(str(path) for path in (folder, Path.cwd())),
        }
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*arguments, "--lock", str(folder / "worker.lock")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def log(self) -> str:
        """What it logged."""
        return self.log_file.read_text()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            news = worker_process.from_line(line)
            if isinstance(news, Alive):
                self.beats.append(time.monotonic())
            elif not isinstance(news, Order):
                self.heard.append((time.monotonic(), news))
                self._news.put(news)
        self._news.put(None)

    def order(self, order: Order) -> None:
        """Give an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(worker_process.to_line(order))
        self.process.stdin.flush()

    def wait_for(self, kind: type[Kind], where: Callable[[Kind], bool] = lambda _: True) -> Kind:
        """Wait for news of a kind; the ones before it are passed over."""
        while True:
            news = self._news.get(timeout=PATIENCE_S)
            assert news is not None, f"the worker ended:\n{self.log}"
            if isinstance(news, kind) and where(news):
                return news

    def outcome(self) -> Done | Stopped | Failed:
        """Wait for how a job ends."""
        while True:
            news = self._news.get(timeout=PATIENCE_S)
            assert news is not None, f"the worker ended:\n{self.log}"
            if isinstance(news, Done | Stopped | Failed):
                return news

    def do(self, order: Run) -> Done | Stopped | Failed:
        """Have a job done."""
        self.order(order)
        return self.outcome()

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.wait()

    def close(self) -> int:
        """Close its input, as an engine that ends does; gives its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=10)


@contextmanager
def worker(
    folder: Path, *more: str, ready: bool = True, program: Sequence[str] = WORKER
) -> Generator[WorkerProcess]:
    """A worker that is gone afterwards; it saves a checkpoint after each step."""
    found = WorkerProcess(folder, (*program, "--checkpoint-seconds", "0", *more))
    try:
        if ready:
            found.wait_for(Ready)
        yield found
    finally:
        found.process.kill()
        found.process.wait()
        for stream in (found.process.stdin, found.process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):  # an order that was not read any more
                stream.close()


def make_image(
    folder: Path, side: int = SIDE, depth: str = "u8", model: str = "rgb", alpha: str = "straight"
) -> Path:
    """A file of pixels: soft shapes, perhaps with transparency, and some noise."""
    order = "bgr" if model == "rgb" else "rgb"
    header = PixelHeader(side, side, model, depth, alpha, order)
    rows, cols = np.mgrid[:side, :side] / side
    planes = [np.sin(9 * rows + k) * np.cos(7 * cols - k) for k in range(header.channels - 1)]
    planes.append(2 * np.hypot(rows - 0.5, cols - 0.5) - 0.5)
    noise = np.random.default_rng(3).normal(0, 0.03, (side, side, header.channels))
    floats = np.clip(0.5 + 0.4 * np.stack(planes, axis=-1) + noise, 0, 1)
    top = {"u8": 255, "u16": 65535}[depth]
    samples = np.rint(floats * top).astype({"u8": "u1", "u16": "<u2"}[depth])
    path = folder / f"{side}{model}{alpha}{depth}.pixels"
    path.write_bytes(wire.to_prefix(header) + samples.tobytes())
    return path


def make_run(
    folder: Path, job: str = "job", settings: UpscaleSettings = QUICK, image: Path | None = None
) -> Run:
    """An order for a job with a folder of its own."""
    return Run(job, str(folder / job), str(image or make_image(folder)), settings)


def result_of(run: Run) -> bytes:
    """The bytes of a result's file."""
    return (Path(run.folder) / spool.RESULT).read_bytes()
