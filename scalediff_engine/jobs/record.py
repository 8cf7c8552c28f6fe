"""A job as the scheduler keeps it, the states that it goes through, and which changes are legal.

::

    queued ──> running ──> done
     │  ▲       │  │ └───> failed, cancelled ──> queued (retried)
     │  └───────┘  └─────> pausing ──> paused ──> queued (resumed)
     │   interrupted          │           │
     └──────────────> cancelled <─────────┘
                              ▲
    running, pausing ──> cancelling
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Optional

from scalediff_engine.base.errors import WrongState
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import (
    EventKind,
    JobEvent,
    JobInfo,
    JobProgress,
    JobState,
    Priority,
    Problem,
)
from scalediff_engine.jobs.worker_process import FileWork

# At one place, and anywhere: memory that runs out does not always do so at the same step.
_CRASHES = 2
_ALL_CRASHES = 6

_AT_THE_WORKER = (JobState.RUNNING, JobState.PAUSING, JobState.CANCELLING)
_TURNS = {Priority.EDITOR: 0, Priority.FOLDER: 1}


@dataclass(frozen=True)
class Record:
    """A job.

    Attributes:
        info: what is told of it
        number: jobs of one priority are done in this order
        crash_place: where its worker went away the last time, as stage and step
        crashes: how often it did so at that place, one time after the other
        all_crashes: how often it did so anywhere
        file: what it is about instead of an upload
        begun_at: when the worker was given it; 0 = the worker does not have it
        spent_seconds: that the worker had it before
    """

    info: JobInfo
    number: int
    crash_place: str = ""
    crashes: int = 0
    all_crashes: int = 0
    file: Optional[FileWork] = None  # noqa: UP045 - ``client.codec`` reads it at run time
    begun_at: float = 0.0
    spent_seconds: float = 0.0

    @property
    def turn(self) -> tuple[int, int]:
        """Sorts jobs by when they are done."""
        return _TURNS[self.info.priority], self.number

    @property
    def place(self) -> str:
        """Where it is, as far as it has told."""
        progress = self.info.progress
        if progress is None:
            return "the start"
        return f"stage {progress.stage}, step {progress.step}"


def changed(
    record: Record,
    action: Action,
    now: float,
    **fields: Any,  # noqa: ANN401
) -> tuple[Record, JobEvent]:
    """Give a job after something happened to it, and the event that tells of it.

    Args:
        record: the job
        action: what happened
        now: the moment
        fields: of ``JobInfo`` that change with it

    Raises:
        WrongState: the action makes no sense in its state.
    """
    state = after(record.info.state, action)
    info = replace(
        record.info, state=state, updated_at=now, events=record.info.events + 1, **fields
    )
    event = JobEvent(info.events, EventKind.STATE, state, info.progress, info.problem)
    return _timed(replace(record, info=info), action, record.info, now), event


def measured(record: Record, source: Size, target: Size) -> Record:
    """Give a job of which the sizes are known now."""
    info = replace(
        record.info,
        source_width=source.width,
        source_height=source.height,
        width=target.width,
        height=target.height,
    )
    return replace(record, info=info)


def _timed(record: Record, action: Action, before: JobInfo, now: float) -> Record:
    """With the seconds that the worker had it."""
    if action is Action.START:
        return replace(record, begun_at=now)
    if record.begun_at == 0 or record.info.state in _AT_THE_WORKER:
        return record
    # of one that was interrupted nobody knows until when it was done: until it last told of it
    end = before.updated_at if action is Action.INTERRUPT else now
    spent_seconds = record.spent_seconds + max(0.0, end - record.begun_at)
    return replace(record, begun_at=0.0, spent_seconds=spent_seconds)


def advanced(record: Record, progress: JobProgress, now: float) -> tuple[Record, JobEvent]:
    """Give a job that is further now, and the event that tells of it."""
    info = record.info
    info = replace(info, updated_at=now, events=info.events + 1, progress=progress)
    event = JobEvent(info.events, EventKind.PROGRESS, info.state, progress)
    return replace(record, info=info), event


def crashed(record: Record) -> Record:
    """Count that the worker went away with this job."""
    again = record.crash_place == record.place
    return replace(
        record,
        crash_place=record.place,
        crashes=record.crashes + 1 if again else 1,
        all_crashes=record.all_crashes + 1,
    )


def is_hopeless(record: Record) -> bool:
    """Whether it took its worker with it so often that trying again is no use."""
    return record.crashes >= _CRASHES or record.all_crashes >= _ALL_CRASHES


def crash_problem(record: Record, how: str) -> Problem:
    """Say what is known of a job that took its worker with it once too often."""
    return Problem(
        "worker-crashed",
        f"The process that computes {how}, {record.all_crashes} times in all and lastly at "
        f"{record.place}, so this job was given up. Its log says more: `scalediff doctor --bundle` "
        "packs it. A smaller result or another device may work.",
    )


class Action(Enum):
    """What happens to a job; the value is the word for people."""

    START = "started"
    FINISH = "finished"
    FAIL = "failed"
    INTERRUPT = "interrupted"  # the worker or the engine went away
    STOP = "stopped"  # the worker has left it where it was told to
    CANCEL = "cancelled"
    PAUSE = "paused"
    RESUME = "resumed"
    RETRY = "retried"


_TABLE: dict[JobState, dict[Action, JobState]] = {
    JobState.QUEUED: {
        Action.START: JobState.RUNNING,
        Action.FAIL: JobState.FAILED,
        Action.CANCEL: JobState.CANCELLED,
        Action.PAUSE: JobState.PAUSED,
    },
    JobState.RUNNING: {
        Action.FINISH: JobState.DONE,
        Action.FAIL: JobState.FAILED,
        Action.INTERRUPT: JobState.QUEUED,
        Action.CANCEL: JobState.CANCELLING,
        Action.PAUSE: JobState.PAUSING,
    },
    JobState.PAUSING: {
        Action.STOP: JobState.PAUSED,
        Action.INTERRUPT: JobState.PAUSED,
        Action.FINISH: JobState.DONE,  # the last step was its last
        Action.FAIL: JobState.FAILED,
        Action.CANCEL: JobState.CANCELLING,
        Action.RESUME: JobState.RUNNING,  # should it stop all the same, that was an interruption
    },
    JobState.PAUSED: {Action.RESUME: JobState.QUEUED, Action.CANCEL: JobState.CANCELLED},
    JobState.CANCELLING: {
        Action.STOP: JobState.CANCELLED,
        Action.INTERRUPT: JobState.CANCELLED,
        Action.FINISH: JobState.CANCELLED,
        Action.FAIL: JobState.CANCELLED,
        Action.CANCEL: JobState.CANCELLING,
    },
    JobState.CANCELLED: {Action.RETRY: JobState.QUEUED, Action.CANCEL: JobState.CANCELLED},
    JobState.FAILED: {Action.RETRY: JobState.QUEUED},
    JobState.DONE: {},
}


def after(state: JobState, action: Action) -> JobState:
    """Give the state that an action leads to.

    Raises:
        WrongState: the action makes no sense in this state.
    """
    following = _TABLE[state].get(action)
    if following is None:
        raise WrongState(f"A job that is {state.value} cannot be {action.value}.")
    return following
