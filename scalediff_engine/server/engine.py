"""The engine as one bundle: what the routes need, put together here from the real parts."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scalediff_engine.base.errors import NotFound, OutputError, WrongState
from scalediff_engine.base.process import Program
from scalediff_engine.client.messages import DeviceInfo, JobState, ModelList, UpscaleSettings
from scalediff_engine.client.places import Places
from scalediff_engine.jobs.batch_store import BatchStore
from scalediff_engine.jobs.batches import Batches
from scalediff_engine.jobs.database import JobStore
from scalediff_engine.jobs.job_registry import JobRegistry
from scalediff_engine.jobs.retention import AgeClock, expired_jobs, machine_seconds
from scalediff_engine.jobs.scheduler import Scheduler
from scalediff_engine.jobs.spool import Spool
from scalediff_engine.jobs.worker_process import WorkerProgram
from scalediff_engine.memory.device_info import find_device
from scalediff_engine.server.dialog import dialog_argv
from scalediff_engine.server.downloads import Downloads, download_argv
from scalediff_engine.server.lifecycle import Activity, Pulse
from scalediff_engine.server.model_list import list_models
from scalediff_engine.server.planner import Planner, plan, reads_user_files
from scalediff_engine.server.remembered import LimitedThreads, Remembered
from scalediff_engine.server.sessions import Attendance, SessionPatience, Sessions
from scalediff_engine.store.scan import file_in

_log = logging.getLogger(__name__)

_FILE_THREADS = 4
_FILE_SECONDS = 20.0

UNASKED = DeviceInfo("not known yet", 0)


@dataclass(frozen=True)
class EnginePatience:
    """How long the engine waits, in seconds.

    Attributes:
        first_watcher: for somebody to watch a job that nobody keeps
        watcher_gone: for the last watcher of such a job to come back
        sweep: between two looks for what is overdue
        device: until the device is asked again
        models: until the models are looked for again
        sessions: of dialogs
    """

    first_watcher: float = 30.0
    watcher_gone: float = 5.0
    sweep: float = 600.0
    device: float = 5.0
    models: float = 10.0
    sessions: SessionPatience = field(default_factory=SessionPatience)


class Engine:
    """Everything behind the routes; for one event loop.

    Args:
        places: the engine's folders
        token: that requests must carry
        scheduler, spool, planner: what does the work
        dialog: how dialogs are started
        device, models: what this machine has
        patience: how long things may take
        download: how downloads are started; none = as the program does

    Attributes:
        port: that the server listens at; whoever listens sets it before the first request
        shutdown: set when the engine is to end; event streams end by it
        activity: requests under way
        user_files: runs what reads files or folders that a request names
        on_leave: has the server end
    """

    def __init__(
        self,
        places: Places,
        token: str,
        scheduler: Scheduler,
        spool: Spool,
        planner: Planner,
        dialog: Program,
        device: Remembered[DeviceInfo],
        models: Remembered[ModelList],
        patience: EnginePatience | None = None,
        download: Program | None = None,
    ) -> None:
        self.places = places
        self.token = token
        self.scheduler = scheduler
        self.spool = spool
        self.planner = planner
        self.device = device
        self.models = models
        self.port = 0
        self.shutdown = asyncio.Event()
        self.activity = Activity()
        self._own_files = LimitedThreads(_FILE_THREADS, _FILE_SECONDS)
        self.user_files = LimitedThreads(_FILE_THREADS, _FILE_SECONDS)
        self.on_leave: Callable[[], None] = lambda: None
        self.patience = patience or EnginePatience()
        self.watchers = Attendance(
            self._unwatched,
            first_seconds=self.patience.first_watcher,
            gone_seconds=self.patience.watcher_gone,
        )
        self.sessions = Sessions(dialog, self._where, self._newest_job, self.patience.sessions)
        program = download or Program(download_argv(), places.log / "download.log")
        self.downloads = Downloads(program, models.outdate)
        self.model_folders = file_in(places.data)
        self.batches = Batches(BatchStore(places.data / "batches.sqlite"), scheduler)
        self._ages = AgeClock()
        self._started_at = time.monotonic()
        self._sweeping: asyncio.Task[None] | None = None

    def pulse(self) -> Pulse:
        """Tell what there is to do, by ``time.monotonic``."""
        return Pulse(
            jobs=sum(self.scheduler.counts()) + self.batches.running() + self.downloads.count(),
            sessions=self.sessions.count(),
            requests=self.activity.open_requests,
            last_at=self.activity.last_at,
        )

    def leave(self) -> None:
        """Have the engine end: streams at once, the rest as soon as the server does."""
        self.shutdown.set()
        self.on_leave()

    def threads_for(self, settings: UpscaleSettings) -> LimitedThreads:
        """Give what runs a plan: a dead disk of one does not hold up those without files."""
        return self.user_files if reads_user_files(settings) else self._own_files

    @property
    def uptime_seconds(self) -> float:
        """Since it was put together."""
        return time.monotonic() - self._started_at

    async def start(self) -> None:
        """Take up the jobs of before, and begin to tidy up."""
        await self.scheduler.start()
        self.batches.start()
        self.device.last()
        for job in self.scheduler.jobs():
            if not (job.keep or job.state.is_final):
                self.watchers.expect(job.id)
        self._sweeping = asyncio.create_task(self._sweep_on())

    async def close(self) -> None:
        """End dialogs, let the worker finish its step, and end."""
        self.shutdown.set()
        self.watchers.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping
        await self.sessions.close()
        await self.downloads.close()
        await self.batches.close()
        await self.scheduler.close()
        self.device.close()
        self.models.close()

    async def sweep(self, now: float) -> None:
        """Delete what is overdue at a moment, in seconds since 1970; at 0 only broken uploads."""
        limits = self.spool.limits
        for job_id in expired_jobs(self.scheduler.jobs(), now, limits.result_seconds):
            with suppress(OutputError):  # its files are gone; the rest when there is room
                self.scheduler.remove(job_id)
        self.batches.sweep(now)
        live_images = {job.image for job in self.scheduler.jobs()} | self.sessions.images()
        known = {job.id for job in (*self.scheduler.jobs(), *self.scheduler.file_jobs())}
        gone = await asyncio.to_thread(self.spool.sweep, now, live_images, known)
        if gone:
            _log.info("Swept %d files and folders that nobody wants any more", len(gone))

    async def _sweep_on(self) -> None:
        while True:
            try:
                moment = self._ages.moment(time.time(), machine_seconds())
                await self.sweep(0.0 if moment is None else moment)
            except Exception:  # noqa: BLE001 - it is tried again, and the log tells
                _log.exception("What is overdue could not be deleted")
            await asyncio.sleep(self.patience.sweep)

    def _unwatched(self, job_id: str) -> None:
        """Nobody watches a job any more."""
        with suppress(NotFound, WrongState):
            job = self.scheduler.job(job_id)
            if not (job.keep or job.state.is_final):
                _log.info("Nobody waits for job %s any more", job_id)
                self.scheduler.cancel(job_id)

    def _where(self) -> dict[str, str | int]:
        """What a dialog must know to find the engine."""
        home = str(self.places.home)
        return {"pid": os.getpid(), "port": self.port, "token": self.token, "home": home}

    def _newest_job(self, image_id: str) -> str | None:
        wanted = (
            job.id
            for job in self.scheduler.jobs()
            if job.image == image_id and job.state is not JobState.CANCELLED
        )
        return next(wanted, None)


def build_engine(
    home: Path,
    token: str,
    patience: EnginePatience | None = None,
    environment: Mapping[str, str] | None = None,
    worker: Sequence[str] | None = None,
) -> Engine:
    """Put the engine together out of its real parts.

    Args:
        home: its folder, see ``client.places``
        token: that requests must carry
        patience: how long things may take
        environment: of the worker; None = this process's own
        worker: program and arguments; None = the real one

    Raises:
        EngineError: the list of jobs cannot be opened.
    """
    patience = patience or EnginePatience()
    places = Places(home)
    spool = Spool(places.data / "spool")
    registry = JobRegistry(JobStore(places.data / "jobs.sqlite"))
    argv = worker or worker_argv(places)
    scheduler = Scheduler(
        registry, spool, WorkerProgram(argv, places.log / "worker.log", environment=environment)
    )
    dialog = Program(dialog_argv(), places.log / "dialog.log")
    device = Remembered(_device, UNASKED, patience.device)
    models = Remembered(lambda: list_models(file_in(places.data)), ModelList([]), patience.models)
    return Engine(places, token, scheduler, spool, plan, dialog, device, models, patience)


def worker_argv(places: Places) -> list[str]:
    """Give the program that does the jobs."""
    return [
        sys.executable,
        "-P",
        "-m",
        "scalediff_engine.worker",
        "--lock",
        str(places.worker_lock),
    ]


def _device() -> DeviceInfo:
    found = find_device("auto")
    return DeviceInfo(found.name, found.free_bytes)
