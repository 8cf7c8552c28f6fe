"""What can be asked of a batch in which state."""

from __future__ import annotations

import pytest

from scalediff_engine.base.errors import WrongState
from scalediff_engine.client.batches import BatchState
from scalediff_engine.jobs.batch_progress import BatchAction, after

LEGAL = {
    ("open", "ADD"): "open",
    ("open", "RESUME"): "running",
    ("open", "CANCEL"): "cancelled",
    ("running", "RESUME"): "running",
    ("running", "PAUSE"): "paused",
    ("running", "CANCEL"): "cancelled",
    ("running", "RETRY"): "running",
    ("paused", "RESUME"): "running",
    ("paused", "PAUSE"): "paused",
    ("paused", "CANCEL"): "cancelled",
    ("paused", "RETRY"): "paused",
    ("cancelled", "CANCEL"): "cancelled",
    ("cancelled", "RETRY"): "running",
    ("done", "RETRY"): "running",
}


@pytest.mark.parametrize("state", BatchState)
@pytest.mark.parametrize("action", BatchAction)
def test_each_action_is_legal_in_its_states_alone(state: BatchState, action: BatchAction) -> None:
    expected = LEGAL.get((state.value, action.name))
    if expected is None:
        with pytest.raises(WrongState, match=f"{state.value} cannot be {action.value}"):
            after(state, action)
    else:
        assert after(state, action) is BatchState(expected)
