import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.client.codec import Malformed
from scalediff_engine.client.messages import JobProgress, Lora, Problem, UpscaleSettings
from scalediff_engine.jobs import worker_process

_TEXT = st.text(max_size=40)
_MESSAGES = st.one_of(
    st.builds(
        worker_process.Run,
        job=_TEXT,
        folder=_TEXT,
        image=_TEXT,
        settings=st.builds(
            UpscaleSettings,
            scale=st.none() | st.floats(1, 32),
            prompt=_TEXT,
            loras=st.lists(st.builds(Lora, path=_TEXT, weight=st.floats(-2, 2)), max_size=2),
            seed=st.integers(0, 2**63 - 1),
        ),
    ),
    st.builds(worker_process.Stop, job=_TEXT, keep=st.booleans()),
    st.just(worker_process.Ready()),
    st.just(worker_process.Alive()),
    st.builds(worker_process.Loading, job=_TEXT, done=st.booleans()),
    st.builds(
        worker_process.Advanced,
        job=_TEXT,
        progress=st.builds(
            JobProgress,
            phase=_TEXT,
            stage=st.integers(1, 9),
            stages=st.integers(1, 9),
            step=st.integers(0, 99),
            steps=st.integers(0, 99),
            fraction=st.floats(0, 1),
            seconds_left=st.none() | st.floats(0, 1e6),
            preview=st.integers(0, 99),
        ),
    ),
    st.builds(worker_process.Done, job=_TEXT, recipe=_TEXT, notes=st.lists(_TEXT, max_size=3)),
    st.builds(worker_process.Stopped, job=_TEXT),
    st.builds(
        worker_process.Failed, job=_TEXT, problem=st.builds(Problem, code=_TEXT, message=_TEXT)
    ),
)


@given(_MESSAGES)
def test_each_message_is_one_line_and_comes_back(message: worker_process.News) -> None:
    line = worker_process.to_line(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert worker_process.from_line(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"loading weights...\n", b"[]\n", b'{"is": "nothing"}\n', b'{"is": []}\n']
)
def test_what_a_library_prints_is_no_message(line: bytes) -> None:
    with pytest.raises(Malformed):
        worker_process.from_line(line)


def test_a_message_that_lacks_something_is_refused() -> None:
    with pytest.raises(Malformed, match="keep"):
        worker_process.from_line(b'{"is": "stop", "job": "a"}\n')
