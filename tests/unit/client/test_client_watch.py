from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import (
    CUT,
    Asked,
    Said,
    ScriptedEngine,
    as_stream,
    event,
    job_info,
    message,
    refusal,
    within,
)

from scalediff_engine.client import codec, watch
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import (
    ConnectionLost,
    EngineUnreachable,
    NotFound,
    UnexpectedAnswer,
)
from scalediff_engine.client.messages import JobEvent, JobState, SessionInfo, SessionState
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.client.watch import Gap, Progress

DONE = JobState.DONE


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(watch, "LONGEST_DELAY_SECONDS", 0.01)


def history(count: int) -> list[JobEvent]:
    return [event(n, DONE if n == count else JobState.RUNNING) for n in range(1, count + 1)]


def seen_by(asked: Asked) -> int:
    return int(asked.headers["Last-Event-ID"])


class Job:
    """A job whose events are all there, told over a connection that fails as ``fails`` says."""

    def __init__(self, events: list[JobEvent], source: random.Random) -> None:
        self.events = events
        self.source = source
        self.drops = 0
        self.forgot = False

    def __call__(self, asked: Asked) -> Said:
        if not asked.path.endswith("/events"):
            return message(job_info(self.events[-1].state, len(self.events)))
        after = seen_by(asked)
        dice = self.source.random()
        if dice < 0.1:
            return refusal(503, "busy", "Ending.")
        back = self.source.choice([0, 0, 0, 1, 3])  # a server that says some of them again
        ahead = 0 if self.forgot else self.source.choice([0, 0, 0, 0, 1])  # or forgets one, once
        self.forgot = bool(ahead)
        rest = as_stream(self.events[max(0, after - back) + ahead :])
        return Said(body=self.pieces(b": ping\n\n" + rest))

    def pieces(self, stream: bytes) -> Iterator[bytes | None]:
        if self.drops < 5 or (self.drops < 60 and self.source.random() < 0.9):
            self.drops += 1
            cut: list[bytes | None] = [CUT]
            stream = stream[: self.source.randrange(min(len(stream), 900) + 1)]
        else:
            cut = []
        while stream:
            size = self.source.randrange(1, 200)
            yield stream[:size]
            stream = stream[size:]
        yield from cut


@pytest.mark.parametrize("seed", range(12))
def test_no_event_is_lost_or_doubled_however_often_the_connection_drops(seed: int) -> None:
    events = history(60)
    job = Job(events, random.Random(seed))  # noqa: S311
    with ScriptedEngine(job) as engine:
        found = list(Client(lambda: engine.record).watch("j1"))
    assert found == events
    assert job.drops >= 5


def test_it_asks_for_what_comes_after_the_last_event_that_it_saw() -> None:
    events = history(5)

    def script(asked: Asked) -> Said:
        if not asked.path.endswith("/events"):
            return message(job_info(DONE, 5))
        after = seen_by(asked)
        return Said(body=[as_stream(events[after : after + 2]), CUT])

    with ScriptedEngine(script) as engine:
        assert list(Client(lambda: engine.record).watch("j1", after=1)) == events[1:]
    streams = [asked for asked in engine.asked if asked.path == "/v1/jobs/j1/events"]
    assert [seen_by(asked) for asked in streams] == [1, 3]
    assert {asked.headers["Accept"] for asked in streams} == {"text/event-stream"}


def test_it_finds_an_engine_that_was_started_again() -> None:
    events = history(4)
    records: list[EngineRecord] = []

    def first(_: Asked) -> Said:
        return Said(body=[as_stream(events[:2]), CUT])

    def second(asked: Asked) -> Said:
        if not asked.path.endswith("/events"):
            return message(job_info(DONE, 4))
        return Said(body=[as_stream(events[seen_by(asked) :])])

    with ScriptedEngine(second) as after:
        with ScriptedEngine(first) as before:
            records.append(before.record)
            following = Client(lambda: records[-1]).watch("j1")
            found = [next(following), next(following)]
        threading.Timer(0.2, records.append, [after.record]).start()
        found += following
    assert found == events


def test_a_job_that_was_retried_is_followed_past_its_failure() -> None:
    events = [event(1), event(2, JobState.FAILED), event(3, JobState.QUEUED), event(4, DONE)]

    def script(asked: Asked) -> Said:
        if not asked.path.endswith("/events"):
            return message(job_info(DONE, 4))
        after = seen_by(asked)
        return Said(body=[as_stream(events[after:2] if after < 2 else events[after:])])

    with ScriptedEngine(script) as engine:
        assert list(Client(lambda: engine.record).watch("j1")) == events


def test_who_has_seen_all_of_a_job_is_told_nothing_more() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.endswith("/events"):
            return Said(body=[b": ping\n\n"])
        return message(job_info(DONE, 7))

    with ScriptedEngine(script) as engine:
        assert list(Client(lambda: engine.record).watch("j1", after=7)) == []


def test_a_job_that_is_not_there_is_said_at_once() -> None:
    with (
        ScriptedEngine(lambda _: refusal(404, "not-found", "There is no such job.")) as engine,
        pytest.raises(NotFound, match="no such job"),
    ):
        next(Client(lambda: engine.record).watch("j1"))
    assert len(engine.asked) == 1


def test_it_gives_up_when_nothing_answers_for_too_long() -> None:
    def nobody() -> EngineRecord:
        raise EngineUnreachable("There is no engine.")

    began = time.monotonic()
    with pytest.raises(EngineUnreachable, match="There is no engine"):
        next(Client(nobody).watch("j1", patience_seconds=0.3))
    assert time.monotonic() - began >= 0.3


def test_a_stream_that_always_ends_at_once_is_given_up() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.endswith("/events"):
            return Said(body=[b": ping\n\n"])
        return message(job_info(JobState.RUNNING, 7))

    with ScriptedEngine(script) as engine, pytest.raises(ConnectionLost, match="again and again"):
        next(Client(lambda: engine.record).watch("j1", patience_seconds=0.2))


def test_an_event_that_never_comes_is_a_defect_and_is_said() -> None:
    def script(asked: Asked) -> Said:
        return Said(body=[as_stream([e for e in history(5)[seen_by(asked) :] if e.number != 3])])

    with ScriptedEngine(script) as engine:
        following = Client(lambda: engine.record).watch("j1")
        assert [next(following).number, next(following).number] == [1, 2]
        with pytest.raises(UnexpectedAnswer, match="skips event 3 and goes on with 4"):
            next(following)


@pytest.mark.parametrize("data", [b"{", b"{}", b'{"number": "x"}'])
def test_an_event_that_makes_no_sense_is_a_defect_and_is_said(data: bytes) -> None:
    script = Said(body=[b"id: 1\ndata: " + data + b"\n\n"])
    with (
        ScriptedEngine(lambda _: script) as engine,
        pytest.raises(UnexpectedAnswer, match="makes no sense"),
    ):
        next(Client(lambda: engine.record).watch("j1"))


def test_silence_is_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SILENCE_SECONDS", 0.2)
    answered = threading.Event()
    streams: list[int] = []

    def script(asked: Asked) -> Said:
        if not asked.path.endswith("/events"):
            return message(job_info(DONE, 1))
        streams.append(1)
        if len(streams) > 1:
            answered.set()
            return Said(body=[as_stream(history(1))])
        return Said(body=silent())

    def silent() -> Iterator[bytes]:
        yield b": here\n\n"
        answered.wait(10)

    with ScriptedEngine(script) as engine:
        assert list(Client(lambda: engine.record).watch("j1")) == history(1)
    assert len(streams) == 2


def test_a_heartbeat_keeps_a_silent_stream_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SILENCE_SECONDS", 0.3)

    def slow() -> Iterator[bytes]:
        for _ in range(8):
            yield b": ping\n\n"
            time.sleep(0.1)
        yield as_stream(history(1))

    def script(asked: Asked) -> Said:
        if asked.path.endswith("/events"):
            return Said(body=slow())
        return message(job_info(DONE, 1))

    with ScriptedEngine(script) as engine:
        assert list(Client(lambda: engine.record).watch("j1")) == history(1)
    assert len(engine.asked) == 2


@pytest.fixture
def endless() -> Generator[tuple[ScriptedEngine, threading.Event]]:
    """An engine that tells one event and then waits; set the event to let it go."""
    end = threading.Event()

    def stream() -> Iterator[bytes]:
        yield as_stream([event(1)])
        while not end.wait(0.02):
            yield b": ping\n\n"

    with ScriptedEngine(lambda _: Said(body=stream())) as engine:
        yield engine, end
        end.set()


def test_another_thread_can_end_the_watching(
    endless: tuple[ScriptedEngine, threading.Event],
) -> None:
    engine, _ = endless
    following = Client(lambda: engine.record).watch("j1")
    found: list[JobEvent] = []
    thread = threading.Thread(target=lambda: found.extend(following))
    thread.start()
    assert within(5, lambda: bool(following.last))
    following.close()
    thread.join(30)
    assert not thread.is_alive()
    assert found == [event(1)]
    following.close()


def streams_under_way() -> list[threading.Thread]:
    """Threads of the scripted engine; each ends at its first write into a closed connection."""
    return [thread for thread in threading.enumerate() if "process_request" in thread.name]


@pytest.mark.parametrize("how", ["with", "dropped"])
def test_the_engine_sees_a_watcher_go(
    endless: tuple[ScriptedEngine, threading.Event], how: str
) -> None:
    engine, _ = endless
    gc.disable()  # nothing may depend on when it runs
    try:
        following = Client(lambda: engine.record).watch("j1")
        if how == "with":
            with following:
                next(following)
        else:
            next(following)
            del following
        assert within(5, lambda: not streams_under_way())
    finally:
        gc.enable()


def session(number: int, state: SessionState) -> SessionInfo:
    return SessionInfo("s1", state, "i1", "krita", "Layer", number)


def test_a_session_is_followed_to_its_answer() -> None:
    told = [session(1, SessionState.OPEN), session(3, SessionState.ACCEPTED)]

    def script(asked: Asked) -> Said:
        if not asked.path.endswith("/events"):
            return message(told[-1])
        rest = [info for info in told if info.events > seen_by(asked)][:1]
        return Said(
            body=[b"id: %d\ndata: %b\n\n" % (info.events, codec.dumps(info)) for info in rest]
        )

    with ScriptedEngine(script) as engine:
        assert list(Client(lambda: engine.record).watch_session("s1")) == told


def test_a_session_that_an_engine_does_not_know_any_more_is_said() -> None:
    with (
        ScriptedEngine(lambda _: refusal(404, "not-found", "There is no such session.")) as engine,
        pytest.raises(NotFound, match="session"),
    ):
        list(Client(lambda: engine.record).watch_session("s1"))


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(0, 5))
def test_whatever_comes_is_taken_once_and_in_order(numbers: list[int], after: int) -> None:
    progress = Progress(after, 1.0)
    taken: list[int] = []
    for number in numbers:
        try:
            if progress.accepts(number):
                taken.append(number)
        except Gap:
            assert number > progress.last + 1
    assert taken == list(range(after + 1, after + 1 + len(taken)))


def test_waiting_grows_to_a_limit_and_begins_anew_after_an_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    progress = Progress(0, 100.0, delay_seconds=0.1)
    limit = 2.0
    monkeypatch.setattr(watch, "LONGEST_DELAY_SECONDS", limit)
    delays = [progress.lost(0.0) for _ in range(7)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, limit, limit]
    progress.accepts(1)
    assert progress.lost(0.0) == watch.FIRST_DELAY_SECONDS


def test_patience_counts_from_the_first_failure() -> None:
    progress = Progress(0, 10.0)
    assert progress.lost(100.0) is not None
    assert progress.lost(110.0) is not None
    assert progress.lost(110.1) is None
    progress.sound()
    assert progress.lost(200.0) is not None


def test_a_suspended_machine_is_not_an_engine_that_is_gone() -> None:
    progress = Progress(0, 60.0)
    assert progress.lost(1000.0) is not None
    assert progress.lost(1000.0 + 8 * 3600) is not None  # the first try after the night
    assert progress.lost(1000.0 + 8 * 3600 + 30) is None


def test_patience_is_the_sum_of_the_tries() -> None:
    progress, tries = Progress(0, 60.0), 0
    while progress.lost(2.0 * tries) is not None:
        tries += 1
    assert tries == 31
