"""The progress of one batch in memory, its legal changes, and what becomes of its files.

The files stay on disk. A change to the present state is legal too.

::

    open ──> running <──> paused
     │        │  ▲          │
     │        ▼  │ retried  │
     │       done, cancelled
     └──────────────^<──────┘

"""

from __future__ import annotations

import asyncio
import logging
import os.path
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum

from scalediff_engine.base.errors import (
    DiskFull,
    ModelError,
    ModelMissing,
    OutputError,
    OutputExists,
    UsageError,
    WorkerCrashed,
    WrongState,
)
from scalediff_engine.client.batches import (
    FILES_AT_ONCE,
    BatchFile,
    BatchInfo,
    BatchItem,
    BatchRequest,
    BatchState,
    Existing,
    FileState,
)
from scalediff_engine.client.messages import EventKind, JobInfo, JobProgress, JobState, Problem
from scalediff_engine.jobs.batch_store import BatchStore, Header

_log = logging.getLogger(__name__)


class Ledger:
    """Writes down what happens to a batch before anybody hears of it.

    Args:
        store: where it is
        header: as it is there
        clock: tells the moment

    Attributes:
        header: as it stands
        current: the file that has a job, be it under way or left half done
        progress: of that file
        counts: files by state
        again: the current file is cancelled, but somebody wants it once more
    """

    def __init__(self, store: BatchStore, header: Header, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self.header = header
        self.counts = store.counts(header.id)
        self.current = next(iter(store.with_jobs(header.id)), None)
        self.progress: JobProgress | None = None
        self.again = False
        self._done_seconds = store.spent_seconds(header.id)
        self._state_event = header.events
        self._change = asyncio.Event()

    @property
    def state(self) -> BatchState:
        """Where it stands."""
        return self.header.state

    def info(self) -> BatchInfo:
        """Tell how it stands."""
        header, request = self.header, self.header.request
        return BatchInfo(
            id=header.id,
            state=header.state,
            title=request.title,
            settings=request.settings,
            existing=request.existing,
            quality=request.quality,
            created_at=header.created_at,
            events=header.events,
            counts={state.value: count for state, count in self.counts.items() if count},
            current=None if self.current is None else self.current.index,
            progress=self.progress,
            fraction=self._fraction(),
            seconds_left=self._seconds_left(),
        )

    def note(
        self,
        *,
        state: BatchState | None = None,
        item: BatchItem | None = None,
        durable: bool = True,
    ) -> None:
        """Write down that the batch, or one of its files, stands differently.

        Args:
            state: of the batch; None = as before
            item: of the file; it is the current one while it has a job and is not settled
            durable: whether it has to survive the power's going

        Raises:
            OutputError: it cannot be written; nothing has changed.
        """
        header = self._next(self.state if state is None else state)
        if item is None:
            self._store.put(header, durable=durable)
        else:
            before = self._store.item(header.id, item.index).state
            item = replace(item, changed=header.events)
            self._store.put(header, item, durable=durable)
            self._count(before, item)
            self._hold(item)
        self._tell(header, EventKind.STATE)

    def add(self, files: Sequence[BatchFile]) -> None:
        """Write down more files.

        Raises:
            UsageError: a result would replace another one, or a source.
            OutputError: they cannot be written.
        """
        header = self._next(self.state)
        self._store.add(header, files)
        self.counts = self._store.counts(header.id)
        self._tell(header, EventKind.STATE)

    def move(self, state: BatchState, found: Sequence[FileState], to: FileState) -> None:
        """Write down that all files in some states are in another one, and have no job.

        Raises:
            OutputError: it cannot be written; nothing has changed.
        """
        header = self._next(state)
        self._store.move(header, found, to)
        self.counts = self._store.counts(header.id)
        if self.current is not None and self.current.state in found:
            self.current = self.progress = None
        self._tell(header, EventKind.STATE)

    def advance(self, progress: JobProgress) -> None:
        """Tell how far the current file is."""
        header = self._next(self.state)
        try:
            self._store.put(header, durable=False)  # so that numbers go on after a restart
        except OutputError as error:
            _log.warning("The progress of batch %s is not written: %s", header.id, error)
        self.progress = progress
        self._tell(header, EventKind.PROGRESS)

    def newer(self, after: int) -> EventKind | None:
        """Tell what happened after an event: a change of state counts more than progress."""
        if self.header.events <= after:
            return None
        return EventKind.STATE if self._state_event > after else EventKind.PROGRESS

    async def changes(self) -> None:
        """Wait until something happens, or it is forgotten."""
        await self._change.wait()

    def wake(self) -> None:
        """Have whoever waits look again."""
        change, self._change = self._change, asyncio.Event()
        change.set()

    def _next(self, state: BatchState) -> Header:
        header = self.header
        return replace(header, state=state, updated_at=self._clock(), events=header.events + 1)

    def _tell(self, header: Header, kind: EventKind) -> None:
        self.header = header
        if kind is EventKind.STATE:
            self._state_event = header.events
        self.wake()

    def _count(self, before: FileState, item: BatchItem) -> None:
        self.counts[before] -= 1
        self.counts[item.state] = self.counts.get(item.state, 0) + 1
        if item.state is FileState.DONE:
            self._done_seconds += item.seconds

    def _hold(self, item: BatchItem) -> None:
        unsettled = item.state in (FileState.RUNNING, FileState.WAITING)
        current = item if unsettled and item.job is not None else None
        if current is None or self.current is None or current.job != self.current.job:
            self.progress = None
        self.current = current

    def _waiting(self) -> int:
        """Files that have not begun."""
        begun = self.current is not None and self.current.state is FileState.WAITING
        return self.counts.get(FileState.WAITING, 0) - begun

    def _fraction(self) -> float:
        total = sum(self.counts.values())
        if not total:
            return float(self.state is BatchState.DONE)
        left: float = self._waiting()
        if self.current is not None:
            left += 1 - (0 if self.progress is None else self.progress.fraction)
        return 1 - left / total

    def _seconds_left(self) -> float | None:
        if self.state not in (BatchState.RUNNING, BatchState.PAUSED):
            return None
        done = self.counts.get(FileState.DONE, 0)
        each = self._done_seconds / done if done else None
        left = None if self.progress is None else self.progress.seconds_left
        if each is None and self.progress is not None and left is not None:
            fraction = self.progress.fraction
            each = left / (1 - fraction) if fraction < 1 else None
        if each is None:
            return None
        if self.current is None:
            left = 0.0
        elif left is None:
            left = each
        return left + self._waiting() * each


def check_request(request: BatchRequest) -> None:
    """Pass if a batch makes sense.

    Raises:
        UsageError: the quality is out of its range.
    """
    if request.quality is not None and not 1 <= request.quality <= 100:
        raise UsageError(f"The quality is {request.quality} and must be within 1..100.")


def check_files(files: Sequence[BatchFile]) -> None:
    """Pass if files can be added to a batch.

    Raises:
        UsageError: there are too many at once, or one is not named by an absolute path.
    """
    if len(files) > FILES_AT_ONCE:
        raise UsageError(f"{len(files)} files came at once; at most {FILES_AT_ONCE} may.")
    for path in (path for file in files for path in (file.source, file.target)):
        if not os.path.isabs(path) or "\0" in path:  # noqa: PTH117 - thousands of them
            raise UsageError(f"A file of a batch needs an absolute path, not '{path[:200]}'.")


class BatchAction(Enum):
    """An action on a batch; the value is its past participle, for messages."""

    ADD = "added to"
    RESUME = "resumed"
    PAUSE = "paused"
    CANCEL = "cancelled"
    RETRY = "retried"


_TABLE: dict[BatchState, dict[BatchAction, BatchState]] = {
    BatchState.OPEN: {
        BatchAction.ADD: BatchState.OPEN,
        BatchAction.RESUME: BatchState.RUNNING,
        BatchAction.CANCEL: BatchState.CANCELLED,
    },
    BatchState.RUNNING: {
        BatchAction.RESUME: BatchState.RUNNING,
        BatchAction.PAUSE: BatchState.PAUSED,
        BatchAction.CANCEL: BatchState.CANCELLED,
        BatchAction.RETRY: BatchState.RUNNING,
    },
    BatchState.PAUSED: {
        BatchAction.RESUME: BatchState.RUNNING,
        BatchAction.PAUSE: BatchState.PAUSED,
        BatchAction.CANCEL: BatchState.CANCELLED,
        BatchAction.RETRY: BatchState.PAUSED,
    },
    BatchState.CANCELLED: {
        BatchAction.CANCEL: BatchState.CANCELLED,
        BatchAction.RETRY: BatchState.RUNNING,
    },
    BatchState.DONE: {BatchAction.RETRY: BatchState.RUNNING},
}


def after(state: BatchState, action: BatchAction) -> BatchState:
    """Give the state that an action leads to.

    Raises:
        WrongState: the action makes no sense in this state.
    """
    following = _TABLE[state].get(action)
    if following is None:
        raise WrongState(f"A batch that is {state.value} cannot be {action.value}.")
    return following


# Whatever file came next would fail as well.
_NOT_THE_FILES = frozenset({DiskFull.code, ModelMissing.code, ModelError.code})


def is_not_the_files(job: JobInfo) -> bool:
    """Whether a job failed by something that the other files of its batch would fail by too."""
    if job.state is not JobState.FAILED or job.problem is None:
        return False
    never_began = job.attempts == 0 and job.problem.code == WorkerCrashed.code
    return never_began or job.problem.code in _NOT_THE_FILES


def settled(
    item: BatchItem, job: JobInfo, seconds: float, existing: Existing, *, again: bool
) -> BatchItem:
    """Give a file whose job has ended.

    Args:
        item: the file
        job: its job
        seconds: that the worker had it
        existing: what becomes of a result that is there already
        again: whether one that was cancelled is to wait again
    """
    if job.state is JobState.DONE or job.recipe is not None:  # a stop may come too late
        return replace(item, state=FileState.DONE, seconds=seconds, problem=None)
    if job.state is JobState.CANCELLED:
        if again:
            return replace(item, state=FileState.WAITING, job=None, problem=None)
        return replace(item, state=FileState.CANCELLED, problem=None)
    skips = existing is Existing.SKIP and job.problem is not None
    if skips and job.problem is not None and job.problem.code == OutputExists.code:
        return replace(item, state=FileState.SKIPPED, problem=job.problem)
    return replace(item, state=FileState.FAILED, problem=job.problem)


def exists_problem(target: str) -> Problem:
    """Say that a result is there already."""
    return Problem(OutputExists.code, f"{target} exists already and was left as it is.")
