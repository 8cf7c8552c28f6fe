"""Nothing is sent to a program that took the engine's port."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from scripted_engine import (
    TOKEN,
    Asked,
    Said,
    ScriptedEngine,
    as_stream,
    event,
    free_port,
    job_info,
    message,
    refusal,
)

from scalediff_engine.client import codec
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import (
    ClientError,
    EngineNotProven,
    EngineUnreachable,
    ProtocolMismatch,
)
from scalediff_engine.client.messages import PROTOCOL, ImageInfo, JobList, JobRequest, JobState
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.client.transport import is_proven, new_nonce, prove

SAMPLES = b"a secret picture, 24 B.."
GREY = PixelHeader(6, 4, "grey", "u8")
CALLS: list[Callable[[Client], object]] = [
    lambda client: client.health(),
    lambda client: client.upload(GREY, SAMPLES),
    lambda client: client.submit(JobRequest("i1")),
    lambda client: client.shutdown(),
    lambda client: next(client.watch("j1", patience_seconds=0)),
    lambda client: client.for_batches().batches(),
]


@dataclass
class Impostor:
    """Another program on the engine's port; keeps what it was sent.

    Attributes:
        record: what leads to it
        answer: what it says to each request
        heard: all that came
    """

    record: EngineRecord
    answer: bytes = b""
    heard: bytearray = field(default_factory=bytearray)
    connections: int = 0

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                opened, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.listen_to, args=(opened,), daemon=True).start()

    def listen_to(self, opened: socket.socket) -> None:
        with opened, suppress(OSError):
            while data := opened.recv(1 << 16):
                self.heard += data
                if data.endswith(b"\r\n\r\n"):
                    opened.sendall(self.answer)
                    if not self.answer:
                        return

    def assert_nothing_was_told(self) -> None:
        assert self.connections
        assert TOKEN.encode() not in self.heard
        assert b"Authorization" not in self.heard
        assert b"picture" not in self.heard


@contextmanager
def impostor(port: int = 0) -> Generator[Impostor]:
    with socket.create_server(("127.0.0.1", port)) as listening:
        record = EngineRecord(1, listening.getsockname()[1], TOKEN, PROTOCOL, "0", 0.0)
        found = Impostor(record)
        thread = threading.Thread(target=found.serve, args=(listening,))
        thread.start()
        yield found
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def said(body: bytes, status: int = 200, *, protocol: bool = True, close: bool = False) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
    head += f"ScaleDiff-Protocol: {PROTOCOL}\r\n" if protocol else ""
    head += "Connection: close\r\n" if close else ""
    return (head + "\r\n").encode() + body


WRONG = codec.dumps(prove("another token", "0" * 64, 1, 1))
ANSWERS = {
    "nothing": b"",
    "no HTTP": b"220 ready\r\n",
    "any JSON": said(b"{}"),
    "another server": said(b"hello", protocol=False),
    "not found": said(b"hello", 404, protocol=False),
    "busy": said(b"hello", 503, protocol=False),
    "a wrong proof": said(WRONG),
    "a proof of odd characters": said(b'{"pid":1,"hmac":"\xc3\xa9"}'),
    "a redirection": said(b"", 307),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_program_on_the_port_is_told_nothing(
    answer: bytes, call: Callable[[Client], object]
) -> None:
    with impostor() as other:
        other.answer = answer
        client = Client(lambda: other.record, timeout_seconds=10)
        with pytest.raises(EngineUnreachable):
            call(client)
        other.assert_nothing_was_told()


@pytest.mark.parametrize("call", CALLS)
def test_a_program_that_takes_the_port_of_an_engine_that_was_known_is_told_nothing(
    call: Callable[[Client], object],
) -> None:
    with ScriptedEngine(lambda _: message(JobList([]))) as engine:
        record = engine.record
        found: list[EngineRecord | None] = [record]
        client = Client(lambda: found[0], timeout_seconds=10)
        client.jobs()
    found[0] = None  # the engine's file is gone, and the client remembers the port
    with impostor(record.port) as other:
        other.answer = said(WRONG)
        with pytest.raises(EngineUnreachable):
            call(client)
        other.assert_nothing_was_told()


def test_a_connection_that_ends_after_the_proof_is_not_opened_again() -> None:
    """The engine may have ended meanwhile, and another program have its port."""
    with impostor() as other:
        record = other.record

        class Dying(Impostor):
            def listen_to(self, opened: socket.socket) -> None:
                with opened:
                    nonce = opened.recv(1 << 16).partition(b"Nonce: ")[2][:64].decode()
                    proof = codec.dumps(prove(TOKEN, nonce, 1, record.port))
                    opened.sendall(said(proof, close=True))

        other.listen_to = Dying.listen_to.__get__(other)  # type: ignore[method-assign]
        with pytest.raises(EngineNotProven):
            Client(lambda: record, timeout_seconds=10).upload(GREY, SAMPLES)
        assert other.connections == 1


def test_a_proof_of_before_does_not_count_again() -> None:
    with impostor() as other:
        other.answer = said(codec.dumps(prove(TOKEN, new_nonce(), 1, other.record.port)))
        with pytest.raises(EngineNotProven, match=f"answers on port {other.record.port}"):
            Client(lambda: other.record, timeout_seconds=10).health()


def test_a_proof_counts_for_its_port_and_process_alone() -> None:
    nonce = new_nonce()
    proof = prove(TOKEN, nonce, 1, 4321)
    assert is_proven(proof, TOKEN, nonce, 4321)
    assert not is_proven(proof, TOKEN, nonce, 4322)
    assert not is_proven(dataclasses.replace(proof, pid=2), TOKEN, nonce, 4321)
    assert not is_proven(proof, TOKEN + "x", nonce, 4321)
    assert not is_proven(proof, TOKEN, new_nonce(), 4321)
    with ScriptedEngine(lambda _: message(JobList([]))) as engine:
        other = dataclasses.replace(engine.record, pid=2)
        with pytest.raises(EngineNotProven):
            Client(lambda: other).jobs()
        assert engine.asked == []
        unknown = dataclasses.replace(engine.record, pid=0)  # as a dialog of before was told
        assert Client(lambda: unknown).jobs() == JobList([])


def test_nonces_are_not_repeated() -> None:
    assert len({new_nonce() for _ in range(100)}) == 100


def test_an_engine_of_before_there_was_a_proof_is_told_apart() -> None:
    with ScriptedEngine(lambda _: refusal(401, "usage", "A token is needed.")) as engine:
        engine.proves = False
        with pytest.raises(ProtocolMismatch, match=r"\(process 1\) is older than this program"):
            Client(lambda: engine.record).jobs()
    assert "Authorization" not in engine.asked[0].headers


def test_another_version_is_said_before_anything_is_sent() -> None:
    with ScriptedEngine(lambda _: Said(426, b"", protocol=PROTOCOL + 1)) as engine:
        engine.proves = False
        with pytest.raises(ProtocolMismatch, match=r"update the plug-in\."):
            Client(lambda: engine.record).upload(GREY, SAMPLES)
    (asked,) = engine.asked
    assert "Authorization" not in asked.headers
    assert asked.headers["ScaleDiff-Protocol"] == str(PROTOCOL)


def test_a_watch_goes_on_with_the_next_engine_and_tells_a_program_between_nothing() -> None:
    def first(asked: Asked) -> Said:
        def body() -> Iterator[bytes | None]:
            yield as_stream([event(1)])
            yield None

        return Said(200, body())

    def second(asked: Asked) -> Said:
        if asked.path.endswith("/events"):
            assert asked.headers["Last-Event-ID"] == "1"
            return Said(200, as_stream([event(2, JobState.DONE)]))
        return message(job_info(JobState.DONE, 2))

    records: list[EngineRecord] = []
    with ScriptedEngine(second) as later:
        with ScriptedEngine(first) as engine:
            records.append(engine.record)
            watch = Client(lambda: records[-1], timeout_seconds=10).watch("j1")
            assert next(watch).number == 1
        with impostor(records[0].port) as other:
            other.answer = said(WRONG)
            records.append(later.record)
            assert [found.number for found in watch] == [2]
            other.assert_nothing_was_told()


def test_an_upload_goes_whole_to_an_engine_that_has_proven_itself() -> None:
    image = ImageInfo("i1", 6, 4, "grey", "u8", False, 24)
    with ScriptedEngine(lambda _: message(image, 201)) as engine:
        assert Client(lambda: engine.record).upload(GREY, SAMPLES) == image
    assert engine.asked[0].body.endswith(SAMPLES)


def test_a_port_where_nobody_listens_is_no_impostor() -> None:
    record = EngineRecord(1, free_port(), TOKEN, PROTOCOL, "0", 0.0)
    with pytest.raises(ClientError) as caught:
        Client(lambda: record).health()
    assert type(caught.value) is EngineUnreachable
