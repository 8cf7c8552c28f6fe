"""The states of a job, and which changes are legal.

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

from enum import Enum

from scalediff_engine.base.errors import WrongState
from scalediff_engine.client.messages import JobState


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
