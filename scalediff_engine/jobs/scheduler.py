"""The scheduler: takes jobs and gives them to the worker one by one.

Everything happens in one thread, on one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

from scalediff_engine.base import running_time
from scalediff_engine.base.errors import DiskFull, ScaleDiffError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import (
    ImageInfo,
    JobEvent,
    JobInfo,
    JobRequest,
    JobState,
    Priority,
    Problem,
    UpscaleSettings,
    WorkerState,
)
from scalediff_engine.jobs.job_registry import JobRegistry
from scalediff_engine.jobs.record import Action, Record, crash_problem, is_hopeless
from scalediff_engine.jobs.spool import Spool
from scalediff_engine.jobs.worker_process import (
    Advanced,
    Alive,
    Done,
    Failed,
    FileWork,
    Loading,
    Measured,
    News,
    Ready,
    Run,
    Stop,
    Stopped,
    WorkerProcess,
    WorkerProgram,
)

_log = logging.getLogger(__name__)

_FAILED_STARTS = 3
_UNDER_WAY = (JobState.RUNNING, JobState.PAUSING, JobState.CANCELLING)


@dataclass(frozen=True)
class Patience:
    """How long the scheduler waits, in seconds.

    Attributes:
        idle: without a job, until the worker is let go and its memory is back
        stop: for a worker that is to leave a cancelled job, until it is ended
        leave: for one that is to leave a job which goes on later; its last checkpoint stays
        again: for room for a job's files, before it is tried again
        close: for a worker that is to finish its step, when the engine ends
        restart: before the worker is started again, times the failures in a row
    """

    idle: float = 300.0
    stop: float = 30.0
    leave: float = 600.0
    again: float = 5.0
    close: float = 30.0
    restart: float = 1.0


class Scheduler:
    """Runs jobs in turn: those of editors first, each kind in the order of its arrival.

    A job of an editor does not wait for one of a folder: that one is left at its next step, and
    goes on from there later.

    Args:
        registry: all jobs; closed with the scheduler
        spool: where files lie
        program: the worker
        patience: how long things may take
    """

    def __init__(
        self,
        registry: JobRegistry,
        spool: Spool,
        program: WorkerProgram,
        patience: Patience | None = None,
    ) -> None:
        self._registry = registry
        self._spool = spool
        self._program = program
        self._patience = patience or Patience()
        self._worker: WorkerProcess | None = None
        self._state = WorkerState.NONE
        self._current: str | None = None  # the job that the worker has
        self._left = asyncio.Event()  # it has none
        self._left.set()
        self._failed_starts = 0
        self._crashes = 0  # one after the other, whatever the job
        self._ended: WorkerProcess | None = None  # by the scheduler itself
        self._idle_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.Task[None]] = set()  # cancelled at the end
        self._closing = False

    async def start(self) -> None:
        """Take up what an earlier engine left, and begin to work."""
        for found in self._registry.records():
            if found.info.state in _UNDER_WAY:
                self._registry.act(found.info.id, Action.INTERRUPT)
        self._go_on()

    async def close(self) -> None:
        """Let the worker finish its step and end; a job that runs goes on at the next start."""
        self._closing = True
        self._stay()
        if self._worker is not None and self._current is not None:
            self._worker.send(Stop(self._current, keep=True))
            try:
                await running_time.wait_for(self._left.wait(), self._patience.close)
            except TimeoutError:
                _log.warning("The worker did not finish its step in time")
        for task in self._timers:
            task.cancel()
        if self._tasks or self._timers:
            await asyncio.wait(self._tasks | self._timers)
        if self._worker is not None:
            await self._worker.end()
        if self._current is not None:
            self._registry.act(self._current, Action.INTERRUPT)
        self._registry.close()

    @property
    def worker_state(self) -> WorkerState:
        """What the worker is doing."""
        return self._state

    @property
    def worker_pid(self) -> int | None:
        """The worker's process; None = there is none."""
        return None if self._worker is None else self._worker.pid

    def counts(self) -> tuple[int, int]:
        """Jobs that wait, and jobs that the worker has."""
        states = [found.info.state for found in self._registry.records()]
        return states.count(JobState.QUEUED), int(self._current is not None)

    def submit(self, request: JobRequest, source: ImageInfo, target: Size) -> JobInfo:
        """Take a job.

        Raises:
            DiskFull: it cannot be written down.
        """
        info = self._registry.add(request, source, target)
        self._go_on()
        return self.job(info.id)

    def submit_file(self, file: FileWork, settings: UpscaleSettings) -> JobInfo:
        """Take a job that reads and writes files; it lets those of editors go first.

        Raises:
            OutputError: it cannot be written down; DiskFull for want of room.
        """
        info = self._registry.add_file(file, settings)
        self._go_on()
        return self.job(info.id)

    def job(self, job_id: str) -> JobInfo:
        """Give a job as it stands.

        Raises:
            NotFound: there is none.
        """
        return self._registry.record(job_id).info

    def jobs(self) -> list[JobInfo]:
        """All jobs about uploads, the newest first."""
        return [found.info for found in self._registry.records() if found.file is None]

    def page(self, limit: int | None, before: int | None) -> tuple[list[JobInfo], int | None]:
        """Return some jobs about uploads, the newest first, and where the next page begins.

        Args:
            limit: at most so many; None = all
            before: what the page before said; None = the first page
        """
        found = [
            record
            for record in self._registry.records()
            if record.file is None and (before is None or record.number < before)
        ]
        page = found[:limit]
        following = page[-1].number if len(page) < len(found) else None
        return [record.info for record in page], following

    def file_jobs(self) -> list[JobInfo]:
        """All jobs about files, the newest first; whoever submitted one removes it."""
        return [found.info for found in self._registry.records() if found.file is not None]

    def spent_seconds(self, job_id: str) -> float:
        """For how long the worker had a job that it does not have now.

        Raises:
            NotFound: there is none.
        """
        return self._registry.record(job_id).spent_seconds

    def events(self, job_id: str, after: int) -> AsyncIterator[JobEvent]:
        """Give the events of a job from a number on, as the registry has them."""
        return self._registry.events(job_id, after)

    def cancel(self, job_id: str) -> JobInfo:
        """Stop a job for good; one that is stopped already stays so.

        Raises:
            NotFound: there is none.
            WrongState: it is done, or has failed.
        """
        info = self.job(job_id)
        if info.state in (JobState.CANCELLING, JobState.CANCELLED):
            return info
        info = self._registry.act(job_id, Action.CANCEL)
        self._stop_if_current(job_id, keep=False)
        return info

    def pause(self, job_id: str) -> JobInfo:
        """Leave a job where it is.

        Raises:
            NotFound: there is none.
            WrongState: it is not under way.
        """
        info = self._registry.act(job_id, Action.PAUSE)
        self._stop_if_current(job_id, keep=True)
        return info

    def resume(self, job_id: str) -> JobInfo:
        """Go on with a job that was left.

        Raises:
            NotFound: there is none.
            WrongState: it was not left.
        """
        self._registry.act(job_id, Action.RESUME)
        self._go_on()
        return self.job(job_id)

    def retry(self, job_id: str) -> JobInfo:
        """Try a job again that failed or was cancelled, from where it stood.

        Raises:
            NotFound: there is none.
            WrongState: it is under way, or done.
        """
        self._registry.forgive_crashes(job_id)
        self._registry.act(job_id, Action.RETRY, problem=None)
        self._go_on()
        return self.job(job_id)

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended, and delete its files.

        Raises:
            NotFound: there is none.
            WrongState: it has not ended.
        """
        if self.job(job_id).state.is_final:
            self._spool.remove_job(job_id)  # first: the registry may need the room
        self._registry.remove(job_id)

    # --- giving work --------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Give the worker what is next if it is free; start one if there is none."""
        following = self._registry.first_waiting()
        if self._closing:
            return
        if self._current is not None:
            if following is not None:
                self._make_way(following)
        elif following is None:
            self._let_go_later()
        else:
            self._stay()
            if self._state is WorkerState.NONE:
                self._start_worker()
            elif self._state is WorkerState.IDLE:
                self._give(following)

    def _make_way(self, following: Record) -> None:
        """Have a folder's job left at its next step when somebody waits in an editor."""
        assert self._current is not None
        running = self.job(self._current)
        waits = following.info.priority is Priority.EDITOR
        if waits and running.priority is Priority.FOLDER and running.state is JobState.RUNNING:
            self._stop_if_current(running.id, keep=True)

    def _give(self, found: Record) -> None:
        assert self._worker is not None
        info = found.info
        try:
            folder = self._spool.job_folder(info.id)
            image = "" if found.file else str(self._spool.image_file(info.image))
            order = Run(info.id, str(folder), image, info.settings, found.file, info.window)
        except (OSError, DiskFull) as error:  # that may pass
            _log.warning("There is no place for the files of job %s: %s", info.id, error)
            asyncio.get_running_loop().call_later(self._patience.again, self._go_on)
            return
        except ScaleDiffError as error:
            self._registry.act(info.id, Action.FAIL, problem=Problem(error.code, str(error)))
            asyncio.get_running_loop().call_soon(self._go_on)
            return
        self._current, self._state = info.id, WorkerState.BUSY
        self._left.clear()
        self._registry.act(info.id, Action.START, attempts=info.attempts + 1)
        self._worker.send(order)

    def _stop_if_current(self, job_id: str, *, keep: bool) -> None:
        worker = self._worker
        if job_id != self._current or worker is None:
            return
        worker.send(Stop(job_id, keep))
        patience = self._patience.leave if keep else self._patience.stop
        attempt = self.job(job_id).attempts
        self._later(self._end_stubborn(worker, job_id, attempt, patience))

    async def _end_stubborn(
        self, worker: WorkerProcess, job_id: str, attempt: int, patience: float
    ) -> None:
        await running_time.sleep(patience)
        still_there = worker is self._worker and self._current == job_id
        if still_there and self.job(job_id).attempts == attempt:
            _log.warning("The worker does not leave a job and is ended")
            self._ended = worker
            worker.kill()

    # --- hearing of it ------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        if isinstance(news, Alive | Loading):
            return
        if isinstance(news, Ready):
            self._failed_starts = 0
            self._state = WorkerState.IDLE
        elif news.job != self._current:
            _log.warning("The worker speaks of job %s, which it does not have", news.job)
            return
        elif isinstance(news, Measured):
            source = Size(news.source_width, news.source_height)
            self._registry.measure(news.job, source, Size(news.width, news.height))
            return
        elif isinstance(news, Advanced):
            self._registry.advance(news.job, news.progress)
            return
        else:
            self._leave(news)
        self._go_on()

    def _leave(self, news: Done | Stopped | Failed) -> None:
        """The worker is through with a job, one way or another."""
        self._current, self._state = None, WorkerState.IDLE
        self._crashes = 0
        if isinstance(news, Done):
            self._registry.act(news.job, Action.FINISH, recipe=news.recipe, notes=news.notes)
        elif isinstance(news, Failed):
            self._registry.act(news.job, Action.FAIL, problem=news.problem)
        else:
            # only the scheduler stops a running job like this; it resumes later
            running = self.job(news.job).state is JobState.RUNNING
            self._registry.act(news.job, Action.INTERRUPT if running else Action.STOP)
        self._left.set()

    def _gone(self, how: str) -> None:
        """The worker's process has ended by itself."""
        was_ready = self._state in (WorkerState.IDLE, WorkerState.BUSY)
        self._failed_starts = 0 if was_ready else self._failed_starts + 1
        job_id, self._current = self._current, None
        on_purpose = self._ended is not None and self._ended is self._worker
        self._worker, self._state = None, WorkerState.NONE
        if job_id is not None and on_purpose:
            self._registry.act(job_id, Action.INTERRUPT)
        elif job_id is not None:
            self._crashes += 1
            self._interrupt(job_id, how)
        elif self._failed_starts >= _FAILED_STARTS:
            self._fail_first(how)
        self._left.set()
        self._go_on()

    def _interrupt(self, job_id: str, how: str) -> None:
        found = self._registry.count_crash(job_id)
        if is_hopeless(found):  # one that is being cancelled is cancelled all the same
            self._registry.act(job_id, Action.FAIL, problem=crash_problem(found, how))
        else:
            self._registry.act(job_id, Action.INTERRUPT)

    def _fail_first(self, how: str) -> None:
        """There is no worker to be had: whoever waits for one should know."""
        self._failed_starts = 0
        first = self._registry.first_waiting()
        if first is not None:
            text = (
                f"The process that computes {how} before it was ready, {_FAILED_STARTS} times. "
                "Its log says more: `scalediff doctor --bundle` packs it."
            )
            self._registry.act(first.info.id, Action.FAIL, problem=Problem("worker-crashed", text))

    # --- the worker's coming and going --------------------------------------------------------

    def _start_worker(self) -> None:
        self._state = WorkerState.STARTING
        self._worker = WorkerProcess(self._program, self._hear, self._gone)
        self._spawn(self._begin(self._worker))

    async def _begin(self, worker: WorkerProcess) -> None:
        failures = self._failed_starts + max(0, self._crashes - 1)
        await asyncio.sleep(self._patience.restart * failures)
        if self._closing:
            return
        try:
            await worker.start()
        except OSError as error:
            self._gone(f"could not be started ({error.strerror})")

    def _let_go_later(self) -> None:
        if self._state is WorkerState.IDLE and self._idle_timer is None:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._patience.idle, self._let_go)

    def _let_go(self) -> None:
        self._idle_timer = None
        worker, self._worker, self._state = self._worker, None, WorkerState.NONE
        if worker is not None:
            _log.info("The worker has nothing to do and is let go")
            self._spawn(worker.end())

    def _stay(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        _keep(self._tasks, work)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        _keep(self._timers, work)


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
