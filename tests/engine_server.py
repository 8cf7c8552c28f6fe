"""A real server on a real socket, in a thread of the test, with a scheduler that tests script."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from scalediff_engine.base.errors import NotFound, WrongState
from scalediff_engine.base.geometry import Size
from scalediff_engine.base.process import Program
from scalediff_engine.client.messages import (
    DeviceInfo,
    EventKind,
    ImageInfo,
    JobEvent,
    JobInfo,
    JobProgress,
    JobRequest,
    JobState,
    ModelList,
    PlanInfo,
    Priority,
    StageInfo,
    UpscaleSettings,
    Window,
    WorkerState,
)
from scalediff_engine.client.pixels import PixelHeader, to_prefix
from scalediff_engine.client.places import Places
from scalediff_engine.jobs.record import Action, after
from scalediff_engine.jobs.spool import Spool, SpoolLimits
from scalediff_engine.jobs.worker_process import FileWork
from scalediff_engine.server.engine import Engine, EnginePatience
from scalediff_engine.server.planner import Planner
from scalediff_engine.server.problems import create_app
from scalediff_engine.server.remembered import Remembered
from scalediff_engine.server.serve import Server, listen, server_config

TOKEN = "a-token-that-tests-know-0123456789"  # noqa: S105 - it opens nothing
T = TypeVar("T")


class FakeScheduler:
    """Keeps jobs and does none of them; what happens to one is the test's to say."""

    worker_state = WorkerState.NONE
    worker_pid: int | None = None

    def __init__(self) -> None:
        self.found: dict[str, JobInfo] = {}
        self.told: dict[str, list[JobEvent]] = {}
        self.about_files: set[str] = set()
        self.change = asyncio.Event()
        self.is_started = self.is_closed = False

    async def start(self) -> None:
        self.is_started = True

    async def close(self) -> None:
        self.is_closed = True

    def submit(self, request: JobRequest, source: ImageInfo, target: Size) -> JobInfo:
        info = JobInfo(
            id=secrets.token_hex(16),
            state=JobState.QUEUED,
            settings=request.settings,
            image=source.id,
            source_width=source.width,
            source_height=source.height,
            width=target.width,
            height=target.height,
            priority=request.priority,
            title=request.title,
            keep=request.keep,
            created_at=time.time(),
            updated_at=time.time(),
            events=0,
            window=request.window,
        )
        self.found = {info.id: info, **self.found}
        self.told[info.id] = []
        self._tell(info.id, EventKind.STATE)
        return self.found[info.id]

    def submit_file(self, file: FileWork, settings: UpscaleSettings) -> JobInfo:
        request = JobRequest("", settings, Priority.FOLDER, file.source)
        nothing = ImageInfo("", 0, 0, "rgb", "u8", False, 0)
        info = self.submit(request, nothing, Size(0, 0))
        self.about_files.add(info.id)
        return info

    def file_jobs(self) -> list[JobInfo]:
        return [job for job in self.found.values() if job.id in self.about_files]

    def spent_seconds(self, job_id: str) -> float:
        return 1.0

    def job(self, job_id: str) -> JobInfo:
        if job_id not in self.found:
            raise NotFound("There is no such job (any more).")
        return self.found[job_id]

    def jobs(self) -> list[JobInfo]:
        return [job for job in self.found.values() if job.id not in self.about_files]

    def page(self, limit: int | None, before: int | None) -> tuple[list[JobInfo], int | None]:
        found = list(enumerate(reversed(self.jobs())))[::-1]  # the oldest has number 0
        found = [(number, job) for number, job in found if before is None or number < before]
        page = found[:limit]
        return [job for _, job in page], page[-1][0] if len(page) < len(found) else None

    def counts(self) -> tuple[int, int]:
        states = [job.state for job in self.found.values()]
        return states.count(JobState.QUEUED), states.count(JobState.RUNNING)

    def act(self, job_id: str, action: Action, **fields: Any) -> JobInfo:
        info = self.job(job_id)
        state = after(info.state, action)
        self.found[job_id] = replace(info, state=state, updated_at=time.time(), **fields)
        self._tell(job_id, EventKind.STATE)
        return self.found[job_id]

    def advance(self, job_id: str, progress: JobProgress) -> None:
        self.found[job_id] = replace(self.job(job_id), progress=progress)
        self._tell(job_id, EventKind.PROGRESS)

    def cancel(self, job_id: str) -> JobInfo:
        return self.act(job_id, Action.CANCEL)

    def pause(self, job_id: str) -> JobInfo:
        return self.act(job_id, Action.PAUSE)

    def resume(self, job_id: str) -> JobInfo:
        return self.act(job_id, Action.RESUME)

    def retry(self, job_id: str) -> JobInfo:
        return self.act(job_id, Action.RETRY)

    def remove(self, job_id: str) -> None:
        if not self.job(job_id).state.is_final:
            raise WrongState("A job that has not ended cannot be removed.")
        del self.found[job_id]

    async def events(self, job_id: str, after: int) -> AsyncIterator[JobEvent]:
        while True:
            change = self.change
            for event in self.told[job_id][after:]:
                yield event
                after = event.number
            if after < len(self.told[job_id]):
                continue
            if job_id not in self.found or self.found[job_id].state.is_final:
                return
            await change.wait()

    def _tell(self, job_id: str, kind: EventKind) -> None:
        info = self.found[job_id] = replace(
            self.found[job_id], events=self.found[job_id].events + 1
        )
        event = JobEvent(info.events, kind, info.state, info.progress, info.problem)
        self.told[job_id].append(event)
        change, self.change = self.change, asyncio.Event()
        change.set()


def fake_plan(
    source: Size,
    settings: UpscaleSettings,
    worker_pid: int | None,
    window: Window | None = None,
) -> PlanInfo:
    """A plan for whatever is asked."""
    target = source.scaled(settings.scale or 4)
    if window is not None:
        target = Size(window.width, window.height)
    return PlanInfo(
        width=target.width,
        height=target.height,
        model=settings.model,
        device="a device",
        stages=[StageInfo(target.width, target.height, 4)],
        seconds=1.0,
        peak_bytes=2**20,
        available_bytes=2**30,
    )


def fake_engine(
    home: Path,
    *,
    scheduler: object | None = None,
    planner: Planner = fake_plan,
    limits: SpoolLimits | None = None,
    dialog: Program | None = None,
    patience: EnginePatience | None = None,
    token: str = TOKEN,
    device: Callable[[], DeviceInfo] = lambda: DeviceInfo("a device", 2**30),
    models: Callable[[], ModelList] = lambda: ModelList([]),
    download: Program | None = None,
) -> Engine:
    """An engine with a real spool, and with everything else as a test wants it."""
    places = Places(home)
    return Engine(
        places,
        token,
        scheduler or FakeScheduler(),  # type: ignore[arg-type]
        Spool(places.data / "spool", limits),
        planner,
        dialog or Program(["false"], places.log / "dialog.log"),
        Remembered(device, DeviceInfo("not known yet", 0), 5.0),
        Remembered(models, ModelList([]), 5.0),
        patience,
        download,
    )


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """Its status and code; fails if it is no problem."""
        assert set(self.json) == {"code", "message"}, self.body
        assert self.json["message"].strip(), self.body
        return self.status, self.json["code"]


@dataclass
class Running:
    """A server that listens."""

    engine: Engine
    port: int
    loop: asyncio.AbstractEventLoop
    server: uvicorn.Server

    @property
    def scheduler(self) -> FakeScheduler:
        assert isinstance(self.engine.scheduler, FakeScheduler)
        return self.engine.scheduler

    def requests(self) -> int:
        """How many were answered."""
        return self.server.server_state.total_requests

    def call(self, function: Callable[[], T]) -> T:
        """Run something on the server's event loop, and wait for it."""

        async def once() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(once(), self.loop).result(10)

    def connect(self, timeout: float = 20) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        token: str | None = TOKEN,
    ) -> Answer:
        """Ask once over a connection of its own; a body that is no bytes is sent as JSON."""
        sent = {} if token is None else {"Authorization": f"Bearer {token}"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection = self.connect()
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})  # type: ignore[arg-type]
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def upload(self, data: bytes | None = None) -> str:
        """Hand over a picture; gives its id."""
        answer = self.ask("POST", "/v1/images", picture() if data is None else data)
        assert answer.status == 201, answer.body
        return answer.json["id"]


@contextmanager
def serving(engine: Engine | Callable[[], Engine], **options: Any) -> Generator[Running]:
    """Serve an engine until the block ends; on ``uvicorn``, as the program does.

    Args:
        engine: or what makes it, in the thread that serves
        options: of ``uvicorn``, in place of the program's own
    """
    started: list[Running] = []
    listening = listen(0)
    thread = threading.Thread(target=_serve, args=(engine, options, started, listening))
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not started or not started[0].server.started:
            assert thread.is_alive(), "the server ended at once"
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.005)
        running = started[0]
        running.port = int(listening.getsockname()[1])
        running.engine.port = running.port
        yield running
    finally:
        if started:
            started[0].loop.call_soon_threadsafe(started[0].engine.shutdown.set)
            started[0].server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server does not end"


def _serve(
    engine: Engine | Callable[[], Engine],
    options: dict[str, Any],
    started: list[Running],
    listening: socket.socket,
) -> None:
    made = engine if isinstance(engine, Engine) else engine()
    config = server_config(create_app(made), **options)
    server = Server(config, lambda: None)

    async def serve() -> None:
        started.append(Running(made, 0, asyncio.get_running_loop(), server))
        await server.serve([listening])

    with listening, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())
    server.disarm()


def picture(width: int = 5, height: int = 3, alpha: str = "straight", icc: bytes = b"") -> bytes:
    """An upload: 8 bits, RGB."""
    header = PixelHeader(width, height, "rgb", "u8", alpha=alpha, icc_bytes=len(icc))
    return to_prefix(header, icc) + os.urandom(header.sample_bytes)


def lying(header: bytes, samples: bytes = b"", length: int | None = None) -> bytes:
    """An upload with whatever in place of a header."""
    return b"SDPX" + struct.pack("<I", len(header) if length is None else length) + header + samples


def files_in(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
