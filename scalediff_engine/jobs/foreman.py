"""The foreman: goes through batches and hands the desk one file at a time.

Everything happens in one thread, on one event loop. What is to be done next is decided from what
stands in the store and at the desk alone, so that it does not matter when the engine ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from scalediff_engine.base.errors import NotFound, OutputError
from scalediff_engine.client.batches import BatchItem, BatchState, Existing, FileState
from scalediff_engine.client.messages import EventKind, JobInfo, JobState
from scalediff_engine.jobs.batch_ledger import Ledger
from scalediff_engine.jobs.batch_rules import exists_problem, is_not_the_files, settled
from scalediff_engine.jobs.batch_store import BatchStore
from scalediff_engine.jobs.desk import Desk
from scalediff_engine.jobs.protocol import FileWork

_log = logging.getLogger(__name__)


class Foreman:
    """Has the files of batches done, those of the oldest first.

    Args:
        ledgers: all batches by their ids, the oldest first; somebody else adds and removes them
        store: where their files are
        desk: does the files
        again_seconds: until what could not be written is tried again
    """

    def __init__(
        self,
        ledgers: Mapping[str, Ledger],
        store: BatchStore,
        desk: Desk,
        again_seconds: float = 5.0,
    ) -> None:
        self._ledgers = ledgers
        self._store = store
        self._desk = desk
        self._again_seconds = again_seconds
        self._work = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Take up what an earlier engine left; the desk has started and given nothing out yet."""
        known = {ledger.current.job for ledger in self._ledgers.values() if ledger.current}
        for job in self._desk.file_jobs():
            if job.id not in known:
                self.dispose(job.id)
        for ledger in self._ledgers.values():
            self.agree(ledger)
        self._spawn(self._run())

    async def close(self) -> None:
        """Begin nothing more; what is under way goes on at the next start."""
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
            job = self._desk.job(job_id)
        except NotFound:
            return
        if ledger.state is BatchState.RUNNING:
            if job.state in (JobState.PAUSED, JobState.PAUSING):
                job = self._desk.resume(job_id)
            elif is_not_the_files(job):
                job = self._desk.retry(job_id)
        elif ledger.state is BatchState.PAUSED:
            if job.state in (JobState.QUEUED, JobState.RUNNING):
                job = self._desk.pause(job_id)
        elif not job.state.is_final:
            job = self._desk.cancel(job_id)
        ledger.progress = ledger.progress or job.progress
        self._follow(ledger, job)

    def dispose(self, job_id: str) -> None:
        """Have a job gone that no file needs any more."""
        with suppress(NotFound):
            job = self._desk.job(job_id)
            if not job.state.is_final:
                job = self._desk.cancel(job_id)
            if not job.state.is_final:
                self._spawn(self._dispose_at_its_end(job))
                return
            try:
                self._desk.remove(job_id)
            except OutputError as error:  # the next engine finds that nobody needs it
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
            job = self._desk.job(job_of(item))
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
                return False  # it waits for somebody to look after it
            left = replace(item, state=FileState.WAITING, problem=job.problem)
            ledger.note(state=BatchState.PAUSED, item=left)
            return True
        seconds = self._desk.spent_seconds(job.id)
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
        job = self._desk.submit_file(work, request.settings)
        try:
            begun = replace(item, state=FileState.RUNNING, job=job.id, problem=None)
            ledger.note(item=begun)
        except OutputError:
            self.dispose(job.id)
            raise
        self._follow(ledger, job)
        return True

    def _still_next(self, ledger: Ledger, item: BatchItem) -> bool:
        """Whether nobody did anything to a batch meanwhile."""
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
            async for event in self._desk.events(job.id, job.events):
                current = ledger.current
                is_current = current is not None and current.job == job.id
                if event.kind is EventKind.PROGRESS and event.progress is not None and is_current:
                    ledger.advance(event.progress)
                else:
                    self._work.set()
        self._work.set()

    async def _dispose_at_its_end(self, job: JobInfo) -> None:
        with suppress(NotFound):
            async for _ in self._desk.events(job.id, job.events):
                pass
            if self._desk.job(job.id).state.is_final:
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
