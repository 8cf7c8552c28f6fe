"""What becomes of a file when its job has ended; decided without any input or output."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.base.errors import (
    DiskFull,
    ModelError,
    ModelMissing,
    OutputExists,
    WorkerCrashed,
)
from scalediff_engine.client.batches import BatchItem, Existing, FileState
from scalediff_engine.client.messages import JobInfo, JobState, Problem

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
