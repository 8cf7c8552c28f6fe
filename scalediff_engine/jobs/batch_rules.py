"""What a batch must be, how its state changes, and what becomes of its files; no input or output.

What makes no difference is a legal change too.

::

    open ──> running <──> paused
     │        │  ▲          │
     │        ▼  │ retried  │
     │       done, cancelled
     └──────────────^<──────┘
"""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from scalediff_engine.base.errors import (
    DiskFull,
    ModelError,
    ModelMissing,
    OutputExists,
    UsageError,
    WorkerCrashed,
    WrongState,
)
from scalediff_engine.client.batches import (
    FILES_AT_ONCE,
    BatchFile,
    BatchItem,
    BatchRequest,
    BatchState,
    Existing,
    FileState,
)
from scalediff_engine.client.messages import JobInfo, JobState, Problem


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
    """What somebody wants of a batch; the value is the word for people."""

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
