"""A scheduler over real files with a fake worker, for as long as a test."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import fake_worker

from scalediff_engine.base.errors import NotFound
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import (
    ImageInfo,
    JobEvent,
    JobInfo,
    JobRequest,
    JobState,
    Priority,
    UpscaleSettings,
)
from scalediff_engine.jobs.database import JobStore
from scalediff_engine.jobs.job_registry import JobRegistry
from scalediff_engine.jobs.scheduler import Patience, Scheduler
from scalediff_engine.jobs.spool import RESULT
from scalediff_engine.jobs.worker_process import WorkerProgram

IMAGE = ImageInfo("0" * 32, 8, 8, "rgb", "u8", False, 300)
PIXELS = b"what was uploaded"
QUICK = Patience(idle=60, stop=1, close=5, restart=0.05)
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Folders:
    """Files of a test."""

    path: Path

    def image_file(self, image_id: str) -> Path:
        file = self.path / image_id
        if not file.exists():
            raise NotFound("There is no such image (any more).")
        return file

    def job_folder(self, job_id: str) -> Path:
        folder = self.path / job_id
        folder.mkdir(exist_ok=True)
        return folder

    def remove_job(self, job_id: str) -> None:
        shutil.rmtree(self.path / job_id, ignore_errors=True)


def program(path: Path, *arguments: str, silence_s: float = 20) -> WorkerProgram:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    argv = (sys.executable, fake_worker.__file__, *arguments)
    return WorkerProgram(argv, path / "worker.log", environment=environment, silence_s=silence_s)


@dataclass
class Office:
    """A scheduler and what it works with."""

    scheduler: Scheduler
    path: Path
    submitted: list[str] = field(default_factory=list)

    def submit(self, how: str = "", priority: Priority = Priority.EDITOR) -> str:
        request = JobRequest(IMAGE.id, UpscaleSettings(prompt=how), priority, "a layer")
        info = self.scheduler.submit(request, IMAGE, Size(16, 16))
        self.submitted.append(info.id)
        return info.id

    async def ends(self, job_id: str) -> JobInfo:
        """Wait for a job's end."""
        async for _ in self.scheduler.events(job_id, 0):
            pass
        return self.scheduler.job(job_id)

    async def reaches(self, job_id: str, step: int) -> None:
        """Wait until a job has told of a step."""
        async for event in self.scheduler.events(job_id, 0):
            if event.progress is not None and event.progress.step >= step:
                return

    async def becomes(self, job_id: str, state: JobState) -> None:
        """Wait for a state."""
        async for event in self.scheduler.events(job_id, 0):
            if event.state is state and self.scheduler.job(job_id).state is state:
                return

    async def heard(self, job_id: str) -> list[JobEvent]:
        return [event async for event in self.scheduler.events(job_id, 0)]

    def result(self, job_id: str) -> bytes:
        return (self.path / job_id / RESULT).read_bytes()


def expected(steps: int = 4) -> bytes:
    return fake_worker.result_of(PIXELS, steps)


@asynccontextmanager
async def office(
    path: Path, *arguments: str, patience: Patience = QUICK, silence_s: float = 20
) -> AsyncIterator[Office]:
    (path / IMAGE.id).write_bytes(PIXELS)
    registry = JobRegistry(JobStore(path / "engine.sqlite3"))
    worker = replace(program(path, *arguments), silence_s=silence_s)
    scheduler = Scheduler(registry, Folders(path), worker, patience)
    await scheduler.start()
    try:
        yield Office(scheduler, path)
    finally:
        await asyncio.wait_for(scheduler.close(), 20)
