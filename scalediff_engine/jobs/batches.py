"""Batches: requests, their progress, and the runner that gives the scheduler one file at a time.

Everything happens in one thread, on one event loop. What is done next depends only on the store and
the scheduler, so that it does not matter when the engine ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from scalediff_engine.base.errors import NotFound, OutputError
from scalediff_engine.client.batches import (
    BatchFile,
    BatchInfo,
    BatchItem,
    BatchRequest,
    BatchState,
    Existing,
    FileState,
)
from scalediff_engine.client.messages import EventKind, JobInfo, JobState
from scalediff_engine.jobs import batch_progress
from scalediff_engine.jobs.batch_progress import (
    BatchAction,
    Ledger,
    check_files,
    check_request,
    exists_problem,
    is_not_the_files,
    settled,
)
from scalediff_engine.jobs.batch_store import BatchStore, Header
from scalediff_engine.jobs.scheduler import Scheduler
from scalediff_engine.jobs.worker_process import FileWork

_DAY_SECONDS = 24 * 3600.0
# Of a batch whose files were never all added, and of one that has ended.
_OPEN_SECONDS = _DAY_SECONDS
_ENDED_SECONDS = 7 * _DAY_SECONDS


class Batches:
    """Takes batches of files, and keeps them.

    Args:
        store: all batches; closed with this
        scheduler: does the files
        clock: tells the moment
        again_seconds: until what could not be written is tried again
    """

    def __init__(
        self,
        store: BatchStore,
        scheduler: Scheduler,
        clock: Callable[[], float] = time.time,
        again_seconds: float = 5.0,
    ) -> None:
        self._store = store
        self._clock = clock
        headers = sorted(store.headers(), key=lambda header: header.number)
        self._ledgers = {header.id: Ledger(store, header, clock) for header in headers}
        self._runner = BatchRunner(self._ledgers, store, scheduler, again_seconds)
        self._closed = False

    def start(self) -> None:
        """Resume what an earlier engine left; the scheduler runs and has given out no job yet."""
        self._runner.start()

    async def close(self) -> None:
        """Start nothing more; unfinished batches resume at the next start."""
        self._closed = True
        for ledger in self._ledgers.values():
            ledger.wake()
        await self._runner.close()
        self._store.close()

    def has_job(self, job_id: str) -> bool:
        """Whether a job does a file of a batch."""
        found = (ledger.current for ledger in self._ledgers.values())
        return any(item is not None and item.job == job_id for item in found)

    def running(self) -> int:
        """How many batches are to be done."""
        return sum(ledger.state is BatchState.RUNNING for ledger in self._ledgers.values())

    def batches(self) -> list[BatchInfo]:
        """All batches, the newest first."""
        return [ledger.info() for ledger in reversed(self._ledgers.values())]

    def batch(self, batch_id: str) -> BatchInfo:
        """Give a batch as it stands.

        Raises:
            NotFound: there is none.
        """
        return self._ledger(batch_id).info()

    def items(self, batch_id: str, since: int, start: int, count: int) -> list[BatchItem]:
        """Give files of a batch, by index.

        Args:
            batch_id: of the batch
            since: number of an event; files that have not changed after it are left out
            start: the first index
            count: at most so many

        Raises:
            NotFound: there is no such batch.
        """
        return self._store.items(self._ledger(batch_id).header.id, since, start, count)

    def open(self, request: BatchRequest) -> BatchInfo:
        """Take a batch, whose files follow.

        Raises:
            UsageError: the quality is out of its range.
            OutputError: it cannot be written down.
        """
        check_request(request)
        number = max((ledger.header.number for ledger in self._ledgers.values()), default=0) + 1
        now = self._clock()
        header = Header(secrets.token_hex(16), number, request, BatchState.OPEN, now, now, 1)
        self._store.put(header)
        ledger = self._ledgers[header.id] = Ledger(self._store, header, self._clock)
        return ledger.info()

    def add(self, batch_id: str, files: Sequence[BatchFile]) -> BatchInfo:
        """Take more files of a batch.

        Raises:
            NotFound: there is no such batch.
            WrongState: it is not open any more.
            UsageError: too many, no absolute path, or results that would replace each other or a
                source.
            OutputError: they cannot be written down.
        """
        ledger = self._ledger(batch_id)
        batch_progress.after(ledger.state, BatchAction.ADD)
        check_files(files)
        if files:
            ledger.add(files)
        return ledger.info()

    def resume(self, batch_id: str) -> BatchInfo:
        """Begin a batch, or go on with it.

        Raises:
            NotFound: there is none.
            WrongState: it has ended.
            OutputError: it cannot be written down.
        """
        return self._act(batch_id, BatchAction.RESUME)

    def pause(self, batch_id: str) -> BatchInfo:
        """Leave a batch where it is, and its file at the end of its step.

        Raises:
            NotFound: there is none.
            WrongState: it is not under way.
            OutputError: it cannot be written down.
        """
        return self._act(batch_id, BatchAction.PAUSE)

    def cancel(self, batch_id: str) -> BatchInfo:
        """Stop a batch; what is done stays.

        Raises:
            NotFound: there is none.
            WrongState: it is done.
            OutputError: it cannot be written down.
        """
        ledger = self._ledger(batch_id)
        state = batch_progress.after(ledger.state, BatchAction.CANCEL)
        if state is not ledger.state:
            current = ledger.current
            ledger.move(state, [FileState.WAITING], FileState.CANCELLED)
            if current is not None and current is not ledger.current:
                self._runner.dispose(job_of(current))
            self._runner.agree(ledger)
        return ledger.info()

    def retry(self, batch_id: str) -> BatchInfo:
        """Let files that failed or were cancelled wait again; a batch that had ended goes on.

        Raises:
            NotFound: there is none.
            WrongState: it was never begun.
            OutputError: it cannot be written down.
        """
        ledger = self._ledger(batch_id)
        state = batch_progress.after(ledger.state, BatchAction.RETRY)
        is_leaving = ledger.state is BatchState.CANCELLED and ledger.current is not None
        again = (FileState.FAILED, FileState.CANCELLED)
        if is_leaving or any(ledger.counts.get(found) for found in again):
            ledger.move(state, again, FileState.WAITING)
            ledger.again = is_leaving
            self._runner.wake()
        return ledger.info()

    def remove(self, batch_id: str) -> BatchInfo:
        """Forget a batch, its results stay; gives it as it stood, stopped if it was under way.

        Raises:
            NotFound: there is none.
            OutputError: it cannot be written down.
        """
        ledger = self._ledger(batch_id)
        self._store.remove(batch_id)
        del self._ledgers[batch_id]
        current, info = ledger.current, ledger.info()
        if current is not None:
            self._runner.dispose(job_of(current))
        ledger.wake()
        self._runner.wake()
        if info.state.is_final:
            return info
        return replace(info, state=BatchState.CANCELLED, current=None, progress=None)

    async def events(self, batch_id: str, after: int) -> AsyncIterator[tuple[EventKind, BatchInfo]]:
        """Tell how a batch stands whenever that changes, until it is over.

        What happened since the reader last looked is told as one event, the newest.

        Raises:
            NotFound: there is no such batch.
        """
        ledger = self._ledger(batch_id)
        after = min(after, ledger.header.events)
        while not self._closed and self._ledgers.get(batch_id) is ledger:
            kind = ledger.newer(after)
            if kind is not None:
                after = ledger.header.events
                yield kind, ledger.info()
            elif ledger.info().is_over:
                return
            else:
                await ledger.changes()

    def sweep(self, now: float) -> None:
        """Forget batches that nobody will come back to, at a moment."""
        for ledger in list(self._ledgers.values()):
            age_seconds = now - ledger.header.updated_at
            is_open = ledger.state is BatchState.OPEN and age_seconds > _OPEN_SECONDS
            if is_open or (ledger.info().is_over and age_seconds > _ENDED_SECONDS):
                with suppress(OutputError):  # at the next sweep, then
                    self.remove(ledger.header.id)

    def _act(self, batch_id: str, action: BatchAction) -> BatchInfo:
        ledger = self._ledger(batch_id)
        state = batch_progress.after(ledger.state, action)
        if state is not ledger.state:
            ledger.note(state=state)
            self._runner.agree(ledger)
        return ledger.info()

    def _ledger(self, batch_id: str) -> Ledger:
        found = self._ledgers.get(batch_id)
        if found is None:
            raise NotFound("There is no such batch (any more).")
        return found


_log = logging.getLogger(__name__)


class BatchRunner:
    """Has the files of batches done, those of the oldest first.

    Args:
        ledgers: all batches by id, the oldest first; its owner adds and removes them
        store: where their files are
        scheduler: does the files
        again_seconds: until what could not be written is tried again
    """

    def __init__(
        self,
        ledgers: Mapping[str, Ledger],
        store: BatchStore,
        scheduler: Scheduler,
        again_seconds: float = 5.0,
    ) -> None:
        self._ledgers = ledgers
        self._store = store
        self._scheduler = scheduler
        self._again_seconds = again_seconds
        self._work = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Resume what an earlier engine left; the scheduler runs and has given out no job yet."""
        known = {ledger.current.job for ledger in self._ledgers.values() if ledger.current}
        for job in self._scheduler.file_jobs():
            if job.id not in known:
                self.dispose(job.id)
        for ledger in self._ledgers.values():
            self.agree(ledger)
        self._spawn(self._run())

    async def close(self) -> None:
        """Start nothing more; unfinished batches resume at the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Have it look for something to do."""
        self._work.set()

    def agree(self, ledger: Ledger) -> None:
        """Have the job of the current file do as the batch does."""
        self._work.set()
        if ledger.current is None:
            return
        job_id = job_of(ledger.current)
        try:
            job = self._scheduler.job(job_id)
        except NotFound:
            return
        if ledger.state is BatchState.RUNNING:
            if job.state in (JobState.PAUSED, JobState.PAUSING):
                job = self._scheduler.resume(job_id)
            elif is_not_the_files(job):
                job = self._scheduler.retry(job_id)
        elif ledger.state is BatchState.PAUSED:
            if job.state in (JobState.QUEUED, JobState.RUNNING):
                job = self._scheduler.pause(job_id)
        elif not job.state.is_final:
            job = self._scheduler.cancel(job_id)
        ledger.progress = ledger.progress or job.progress
        self._follow(ledger, job)

    def dispose(self, job_id: str) -> None:
        """Have a job gone that no file needs any more."""
        with suppress(NotFound):
            job = self._scheduler.job(job_id)
            if not job.state.is_final:
                job = self._scheduler.cancel(job_id)
            if not job.state.is_final:
                self._spawn(self._dispose_at_its_end(job))
                return
            try:
                self._scheduler.remove(job_id)
            except OutputError as error:  # the next engine removes it as unused
                _log.warning("Job %s cannot be forgotten: %s", job_id, error)

    async def _run(self) -> None:
        """Do what is next for as long as there is something, and wait for more."""
        while True:
            self._work.clear()
            try:
                while await self._step():
                    pass
            except OutputError as error:
                _log.warning("A batch waits, as it cannot be written down: %s", error)
                self._try_again_later()
            except Exception:  # noqa: BLE001 - whatever it was, batches must go on
                _log.exception("A batch could not go on")
                self._try_again_later()
            await self._work.wait()

    async def _step(self) -> bool:
        """Do one thing that is to be done; false if there is none."""
        for ledger in self._ledgers.values():
            if ledger.current is not None and self._settle(ledger, ledger.current):
                return True
        for ledger in self._ledgers.values():
            if ledger.state is BatchState.RUNNING:
                return ledger.current is None and await self._begin_next(ledger)
        return False

    def _settle(self, ledger: Ledger, item: BatchItem) -> bool:
        """Write down what became of a file's job; false if nothing new did."""
        try:
            job = self._scheduler.job(job_of(item))
        except NotFound:
            ledger.note(item=replace(item, state=FileState.WAITING, job=None))
            return True
        if not job.state.is_final:
            at_work = job.state not in (JobState.PAUSED, JobState.PAUSING)
            state = FileState.RUNNING if at_work else FileState.WAITING
            if job.state is JobState.PAUSING or state is item.state:
                return False
            ledger.note(item=replace(item, state=state, problem=None))
            return True
        if not ledger.state.is_final and is_not_the_files(job):
            if ledger.state is BatchState.PAUSED and item.problem == job.problem:
                return False  # it waits until the user resumes it
            left = replace(item, state=FileState.WAITING, problem=job.problem)
            ledger.note(state=BatchState.PAUSED, item=left)
            return True
        seconds = self._scheduler.spent_seconds(job.id)
        again, ledger.again = ledger.again, False
        ledger.note(item=settled(item, job, seconds, ledger.header.request.existing, again=again))
        self.dispose(job.id)
        return True

    async def _begin_next(self, ledger: Ledger) -> bool:
        """Hand over the next file, or find out that it has not to be done; true if it is news."""
        item = self._store.first_waiting(ledger.header.id)
        if item is None:
            ledger.note(state=BatchState.DONE)
            return True
        request = ledger.header.request
        if request.existing is not Existing.REPLACE:
            there = await asyncio.to_thread(os.path.lexists, item.target)
            if not self._still_next(ledger, item):
                return True
            if there:
                skips = request.existing is Existing.SKIP
                state = FileState.SKIPPED if skips else FileState.FAILED
                problem = exists_problem(item.target)
                ledger.note(item=replace(item, state=state, problem=problem), durable=False)
                return True
        work = FileWork(
            item.source, item.target, request.existing is Existing.REPLACE, request.quality
        )
        job = self._scheduler.submit_file(work, request.settings)
        try:
            begun = replace(item, state=FileState.RUNNING, job=job.id, problem=None)
            ledger.note(item=begun)
        except OutputError:
            self.dispose(job.id)
            raise
        self._follow(ledger, job)
        return True

    def _still_next(self, ledger: Ledger, item: BatchItem) -> bool:
        """Return whether a batch is unchanged since then."""
        if self._ledgers.get(ledger.header.id) is not ledger:
            return False
        if ledger.state is not BatchState.RUNNING:
            return False
        return self._store.item(ledger.header.id, item.index) == item

    def _follow(self, ledger: Ledger, job: JobInfo) -> None:
        """Hear of a job, once."""
        if job.id not in self._following and not job.state.is_final:
            task = self._spawn(self._listen(ledger, job))
            self._following[job.id] = task
            task.add_done_callback(lambda _: self._following.pop(job.id, None))

    async def _listen(self, ledger: Ledger, job: JobInfo) -> None:
        with suppress(NotFound):
            async for event in self._scheduler.events(job.id, job.events):
                current = ledger.current
                is_current = current is not None and current.job == job.id
                if event.kind is EventKind.PROGRESS and event.progress is not None and is_current:
                    ledger.advance(event.progress)
                else:
                    self._work.set()
        self._work.set()

    async def _dispose_at_its_end(self, job: JobInfo) -> None:
        with suppress(NotFound):
            async for _ in self._scheduler.events(job.id, job.events):
                pass
            if self._scheduler.job(job.id).state.is_final:
                self.dispose(job.id)

    def _try_again_later(self) -> None:
        asyncio.get_running_loop().call_later(self._again_seconds, self._work.set)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def job_of(item: BatchItem) -> str:
    """Give the job of a file that has one."""
    assert item.job is not None
    return item.job
