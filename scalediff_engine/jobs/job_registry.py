"""The registry of all jobs: in memory and on disk, with their events for those who follow them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from scalediff_engine.base.errors import NotFound, OutputError, WrongState
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import (
    EventKind,
    ImageInfo,
    JobEvent,
    JobInfo,
    JobProgress,
    JobRequest,
    JobState,
    Priority,
    Problem,
    UpscaleSettings,
)
from scalediff_engine.jobs import record as records
from scalediff_engine.jobs.database import JobStore
from scalediff_engine.jobs.record import Action, Record
from scalediff_engine.jobs.worker_process import FileWork

_log = logging.getLogger(__name__)

_EVENTS_AT_ONCE = 200


class JobRegistry:
    """Writes down what happens to jobs before anybody hears of it; for one event loop.

    Args:
        store: keeps it; closed with the registry
        clock: tells the moment
    """

    def __init__(self, store: JobStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._jobs = {found.info.id: found for found in store.records()}
        self._changes: dict[str, asyncio.Event] = {}
        self._closed = False
        # what happened while the disk was full
        self._unwritten: list[tuple[Record, JobEvent]] = []

    def close(self) -> None:
        """End all watching."""
        self._closed = True
        for job_id in list(self._changes):
            self._tell(job_id)
        self._store.close()

    def add(self, request: JobRequest, source: ImageInfo, target: Size) -> JobInfo:
        """Write a new job down.

        Raises:
            OutputError: it cannot be written; DiskFull for want of room.
        """
        return self._add(request, Size(source.width, source.height), target)

    def add_file(self, file: FileWork, settings: UpscaleSettings) -> JobInfo:
        """Write a new job about a file down; its sizes are 0 until the worker has measured it.

        Raises:
            OutputError: it cannot be written; DiskFull for want of room.
        """
        request = JobRequest("", settings, Priority.FOLDER, PurePath(file.source).name)
        return self._add(request, Size(0, 0), Size(0, 0), file)

    def _add(
        self, request: JobRequest, source: Size, target: Size, file: FileWork | None = None
    ) -> JobInfo:
        now = self._clock()
        info = JobInfo(
            id=secrets.token_hex(16),
            state=JobState.QUEUED,
            settings=request.settings,
            image=request.image,
            source_width=source.width,
            source_height=source.height,
            width=target.width,
            height=target.height,
            priority=request.priority,
            title=request.title,
            keep=request.keep,
            created_at=now,
            updated_at=now,
            events=1,
            window=request.window,
        )
        number = max((found.number for found in self._jobs.values()), default=0) + 1
        found = Record(info, number, file=file)
        self._store.put(found, JobEvent(1, EventKind.STATE, JobState.QUEUED))
        self._jobs[info.id] = found
        return info

    def record(self, job_id: str) -> Record:
        """Give a job.

        Raises:
            NotFound: there is none.
        """
        found = self._jobs.get(job_id)
        if found is None:
            raise NotFound("There is no such job (any more).")
        return found

    def records(self) -> list[Record]:
        """All jobs, the newest first."""
        return sorted(self._jobs.values(), key=lambda found: -found.number)

    def first_waiting(self) -> Record | None:
        """The job whose turn it is."""
        waiting = [f for f in self._jobs.values() if f.info.state is JobState.QUEUED]
        return min(waiting, key=lambda found: found.turn, default=None)

    def act(self, job_id: str, action: Action, **fields: Any) -> JobInfo:  # noqa: ANN401
        """Write down that something happened to a job.

        Args:
            job_id: of the job
            action: what happened
            fields: of ``JobInfo`` that change with it

        Raises:
            NotFound: there is no such job.
            WrongState: that makes no sense in its state.
        """
        fields = {name: _readable(value) for name, value in fields.items()}
        found, event = records.changed(self.record(job_id), action, self._clock(), **fields)
        self._put(found, event)
        _log.info("Job %s: %s", job_id, found.info.state.value)
        return found.info

    def advance(self, job_id: str, progress: JobProgress) -> None:
        """Write down how far a job is."""
        self._put(*records.advanced(self.record(job_id), progress, self._clock()))

    def measure(self, job_id: str, source: Size, target: Size) -> None:
        """Note a job's sizes; the next event writes them down."""
        self._jobs[job_id] = records.measured(self.record(job_id), source, target)

    def count_crash(self, job_id: str) -> Record:
        """Note that the worker went away with a job; ``act`` writes it down."""
        found = self._jobs[job_id] = records.crashed(self.record(job_id))
        return found

    def forgive_crashes(self, job_id: str) -> None:
        """Forget how often a job took its worker with it."""
        self._jobs[job_id] = replace(self.record(job_id), crashes=0, all_crashes=0, crash_place="")

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended.

        Raises:
            NotFound: there is none.
            WrongState: it has not ended.
        """
        info = self.record(job_id).info
        if not info.state.is_final:
            raise WrongState(f"A job that is {info.state.value} cannot be removed.")
        self._unwritten = [kept for kept in self._unwritten if kept[0].info.id != job_id]
        self._store.remove(job_id)
        del self._jobs[job_id]
        self._tell(job_id)

    async def events(self, job_id: str, after: int) -> AsyncIterator[JobEvent]:
        """What happened to a job after an event, and what happens from now on, until it has ended.

        Raises:
            NotFound: there is no such job.
        """
        # nobody can have heard of more than there was
        after = min(after, self.record(job_id).info.events)
        while not self._closed and job_id in self._jobs:
            change = self._changes.setdefault(job_id, asyncio.Event())
            batch = self._events(job_id, after)
            for event in batch:
                yield event
                after = event.number
            if batch:
                continue
            if self._jobs[job_id].info.state.is_final:
                return
            await change.wait()

    def _events(self, job_id: str, after: int) -> list[JobEvent]:
        written = self._store.events(job_id, after, _EVENTS_AT_ONCE)
        unwritten = (event for found, event in self._unwritten if found.info.id == job_id)
        by_number = {event.number: event for event in (*written, *unwritten)}
        info = self._jobs[job_id].info
        last = min(info.events, after + _EVENTS_AT_ONCE)
        return [
            by_number.get(number) or _stand_in(number, info)
            for number in range(after + 1, last + 1)
        ]

    def _put(self, found: Record, event: JobEvent) -> None:
        self._unwritten.append((found, event))
        try:
            while self._unwritten:
                oldest, of_it = self._unwritten[0]
                self._store.put(oldest, of_it, durable=of_it.kind is EventKind.STATE)
                del self._unwritten[0]
        except OutputError as error:  # work goes on; it is written as soon as that is possible
            _log.warning("%d events are not written: %s", len(self._unwritten), error)
        self._jobs[found.info.id] = found
        self._tell(found.info.id)

    def _tell(self, job_id: str) -> None:
        change = self._changes.pop(job_id, None)
        if change is not None:
            change.set()


def _readable(value: Any) -> Any:  # noqa: ANN401 - a field of JobInfo
    """Return what can cross the wire: a path in a sentence need not be UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, Problem):
        return Problem(value.code, _readable(value.message))
    return value


def _stand_in(number: int, info: JobInfo) -> JobEvent:
    """Return an event for one that was lost or cannot be read: watchers miss no number."""
    return JobEvent(number, EventKind.STATE, info.state, info.progress, info.problem)
