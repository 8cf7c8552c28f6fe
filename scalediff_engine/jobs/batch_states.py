"""The states of a batch, and which changes are legal; what makes no difference is legal too.

::

    open ──> running <──> paused
     │        │  ▲          │
     │        ▼  │ retried  │
     │       done, cancelled
     └──────────────^<──────┘
"""

from __future__ import annotations

from enum import Enum

from scalediff_engine.base.errors import WrongState
from scalediff_engine.client.batches import BatchState


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
