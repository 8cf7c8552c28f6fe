import pytest

from scalediff_engine.base.errors import WrongState
from scalediff_engine.client.messages import JobState
from scalediff_engine.jobs.record import Action, after


@pytest.mark.parametrize(
    ("state", "action", "following"),
    [
        ("queued", Action.START, "running"),
        ("queued", Action.FAIL, "failed"),
        ("queued", Action.CANCEL, "cancelled"),
        ("queued", Action.PAUSE, "paused"),
        ("running", Action.FINISH, "done"),
        ("running", Action.FAIL, "failed"),
        ("running", Action.INTERRUPT, "queued"),
        ("running", Action.CANCEL, "cancelling"),
        ("running", Action.PAUSE, "pausing"),
        ("pausing", Action.STOP, "paused"),
        ("pausing", Action.INTERRUPT, "paused"),
        ("pausing", Action.FINISH, "done"),
        ("pausing", Action.FAIL, "failed"),
        ("pausing", Action.CANCEL, "cancelling"),
        ("pausing", Action.RESUME, "running"),
        ("paused", Action.RESUME, "queued"),
        ("paused", Action.CANCEL, "cancelled"),
        ("cancelling", Action.STOP, "cancelled"),
        ("cancelling", Action.INTERRUPT, "cancelled"),
        ("cancelling", Action.FINISH, "cancelled"),
        ("cancelling", Action.FAIL, "cancelled"),
        ("cancelling", Action.CANCEL, "cancelling"),
        ("cancelled", Action.RETRY, "queued"),
        ("cancelled", Action.CANCEL, "cancelled"),
        ("failed", Action.RETRY, "queued"),
    ],
)
def test_the_ways_of_a_job(state: str, action: Action, following: str) -> None:
    assert after(JobState(state), action) is JobState(following)


def legal(state: JobState, action: Action) -> bool:
    try:
        after(state, action)
    except WrongState:
        return False
    return True


def test_everything_else_is_refused_with_a_sentence() -> None:
    ways = [(state, action) for state in JobState for action in Action]
    refused = [way for way in ways if not legal(*way)]
    assert len(ways) - len(refused) == 25
    for state, action in refused:
        with pytest.raises(WrongState, match=f"{state.value} cannot be {action.value}"):
            after(state, action)


def test_what_is_done_stays_done() -> None:
    for action in Action:
        with pytest.raises(WrongState):
            after(JobState.DONE, action)


def test_every_state_that_has_not_ended_can_be_cancelled() -> None:
    for state in JobState:
        if not state.is_final:
            assert after(state, Action.CANCEL) in (JobState.CANCELLING, JobState.CANCELLED)


def test_no_worker_is_needed_for_a_state_to_be_left_when_an_engine_starts() -> None:
    for state in (JobState.RUNNING, JobState.PAUSING, JobState.CANCELLING):
        settled = after(state, Action.INTERRUPT)
        assert settled in (JobState.QUEUED, JobState.PAUSED, JobState.CANCELLED)
