from __future__ import annotations

import array
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_engine import (
    TOKEN,
    Asked,
    Said,
    ScriptedEngine,
    answer_proof,
    free_port,
    job_info,
    message,
    refusal,
)

from scalediff_engine.client import codec, pixels
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import (
    ClientError,
    ConnectionLost,
    EngineNotProven,
    EngineUnreachable,
    NotFound,
    ProtocolMismatch,
    Refused,
    UnexpectedAnswer,
)
from scalediff_engine.client.messages import (
    PROTOCOL,
    ImageInfo,
    JobList,
    JobRequest,
    ModelList,
    Problem,
    SessionAnswer,
    SessionInfo,
    SessionRequest,
    SessionState,
)
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import EngineRecord

GREY = PixelHeader(3, 2, "grey", "u8")
IMAGE = ImageInfo("i1", 3, 2, "grey", "u8", False, 6)
SESSION = SessionInfo("s1", SessionState.OPEN, "i1", "krita", "", 1)


def client_of(engine: ScriptedEngine) -> Client:
    return Client(lambda: engine.record, timeout_seconds=10)


CALLS = [
    ("POST /v1/jobs", lambda c: c.submit(JobRequest("i1")), job_info()),
    ("GET /v1/jobs?limit=200", lambda c: c.jobs(), JobList([job_info()])),
    ("GET /v1/jobs/j1", lambda c: c.job("j1"), job_info()),
    ("POST /v1/jobs/j1/cancel", lambda c: c.cancel("j1"), job_info()),
    ("POST /v1/jobs/j1/pause", lambda c: c.pause("j1"), job_info()),
    ("POST /v1/jobs/j1/resume", lambda c: c.resume("j1"), job_info()),
    ("POST /v1/jobs/j1/retry", lambda c: c.retry("j1"), job_info()),
    ("DELETE /v1/jobs/j1", lambda c: c.remove("j1"), job_info()),
    ("GET /v1/models", lambda c: c.models(), ModelList([])),
    ("POST /v1/sessions", lambda c: c.open_session(SessionRequest("i1", "krita")), SESSION),
    ("GET /v1/sessions/s1", lambda c: c.session("s1"), SESSION),
    (
        "POST /v1/sessions/s1/answer",
        lambda c: c.answer_session("s1", SessionAnswer(False)),
        SESSION,
    ),
]


@pytest.mark.parametrize(("line", "call", "answer"), CALLS, ids=[line for line, _, _ in CALLS])
def test_each_method_asks_what_it_is_named_for(line: str, call, answer) -> None:  # noqa: ANN001
    with ScriptedEngine(lambda _: message(answer)) as engine:
        assert call(client_of(engine)) == answer
    (asked,) = engine.asked
    assert f"{asked.method} {asked.path}" == line
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["ScaleDiff-Protocol"] == str(PROTOCOL)
    assert asked.headers["Host"] == f"127.0.0.1:{engine.record.port}"
    assert "token" not in asked.path


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("POST /v1/shutdown", lambda c: c.shutdown()),
        ("DELETE /v1/sessions/s1", lambda c: c.end_session("s1")),
        ("DELETE /v1/images/i1", lambda c: c.remove_image("i1")),
    ],
)
def test_methods_whose_answer_does_not_matter(line: str, call) -> None:  # noqa: ANN001
    with ScriptedEngine(lambda _: Said(202, b"")) as engine:
        assert call(client_of(engine)) is None
    assert [f"{asked.method} {asked.path}" for asked in engine.asked] == [line]


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/v1/jobs/j1/preview", lambda c: c.preview("j1")),
        ("/v1/bundle", lambda c: c.bundle()),
    ],
)
def test_files_come_as_they_are(path: str, call) -> None:  # noqa: ANN001
    with ScriptedEngine(lambda asked: Said(200, asked.path.encode())) as engine:
        assert call(client_of(engine)) == path.encode()


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    with ScriptedEngine(lambda _: message(job_info())) as engine:
        client_of(engine).job("../images/x?y#z")
    assert engine.asked[0].path == "/v1/jobs/..%2Fimages%2Fx%3Fy%23z"


def test_it_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with ScriptedEngine(lambda _: message(JobList([]))) as engine:
        assert client_of(engine).jobs() == JobList([])


# Pixels


@pytest.mark.parametrize(
    "samples",
    [
        b"abcdef",
        bytearray(b"abcdef"),
        memoryview(b"abcdef"),
        array.array("H", b"abcdef"),
        memoryview(array.array("H", b"abcdef")),
        [b"ab", bytearray(b"c"), memoryview(b"def")],
        iter([b"abc", b"", b"def"]),
    ],
)
def test_pixels_go_up_from_any_kind_of_buffer(samples: object) -> None:
    with ScriptedEngine(lambda _: message(IMAGE, 201)) as engine:
        assert client_of(engine).upload(GREY, samples, b"icc!") == IMAGE
    (asked,) = engine.asked
    expected = pixels.to_prefix(PixelHeader(3, 2, "grey", "u8", icc_bytes=4), b"icc!") + b"abcdef"
    assert asked.body == expected
    assert asked.headers["Content-Length"] == str(len(expected))
    assert asked.headers["Content-Type"] == pixels.MEDIA_TYPE


@pytest.mark.parametrize(
    "samples", [b"abcde", b"abcdefg", [b"abc"], [b"abcdef", b"g"], [b"abcdefg"]]
)
def test_pixels_of_the_wrong_length_are_an_error_of_the_caller(samples: object) -> None:
    with (
        ScriptedEngine(lambda _: message(IMAGE)) as engine,
        pytest.raises(ValueError, match="byte"),
    ):
        client_of(engine).upload(GREY, samples)


def test_a_header_that_cannot_be_true_is_not_sent() -> None:
    with (
        ScriptedEngine(lambda _: message(IMAGE)) as engine,
        pytest.raises(codec.Malformed, match="A side must be"),
    ):
        client_of(engine).upload(PixelHeader(0, 2, "grey", "u8"), b"")
    assert engine.asked == []


def test_a_large_upload_is_not_copied() -> None:
    samples = memoryview(bytearray(64 * 2**20))
    header = PixelHeader(4096, 4096, "rgb", "u8", alpha="straight", order="bgr")

    def script(_: Asked) -> Said:
        return message(IMAGE)

    with ScriptedEngine(script, reads_bodies=False) as engine:
        engine._server.RequestHandlerClass.do_POST = _swallow
        client = client_of(engine)
        tracemalloc.start()
        try:
            assert client.upload(header, samples) == IMAGE
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 2**20
    samples.release()


def _swallow(handler) -> None:  # noqa: ANN001
    """Read a body into one small buffer and answer."""
    left = int(handler.headers["Content-Length"])
    buffer = memoryview(bytearray(1 << 16))
    while left:
        left -= handler.rfile.readinto(buffer[: min(left, len(buffer))])
    handler.close_connection = True
    handler.say(message(IMAGE))


def test_an_upload_that_is_refused_early_says_why() -> None:
    sentence = "The picture has 67 megapixels; at most 50."
    said = refusal(413, "picture-too-large", sentence)
    with ScriptedEngine(lambda _: said, reads_bodies=False) as engine:
        header = PixelHeader(4096, 4096, "rgb", "u8", alpha="straight")
        with pytest.raises(Refused, match="67 megapixels") as caught:
            client_of(engine).upload(header, bytearray(header.sample_bytes))
    assert caught.value.problem.code == "picture-too-large"
    assert caught.value.status == 413


def test_a_refusal_is_heard_while_nobody_takes_the_rest() -> None:
    problem = codec.dumps(Problem("picture-too-large", "Too large."))
    heard = threading.Event()

    def refuse(listening: socket.socket) -> None:
        opened, _ = listening.accept()
        with opened:
            answer_proof(opened, record)
            opened.recv(1 << 16)
            time.sleep(0.5)  # until the client can send no more
            head = f"HTTP/1.1 413 No\r\nScaleDiff-Protocol: 1\r\nContent-Length: {len(problem)}"
            opened.sendall(head.encode() + b"\r\n\r\n" + problem)
            heard.wait(120)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        record = EngineRecord(1, listening.getsockname()[1], TOKEN, PROTOCOL, "0", 0.0)
        server = threading.Thread(target=refuse, args=(listening,))
        server.start()
        header = PixelHeader(4096, 4096, "rgb", "u8")
        began = time.monotonic()
        with pytest.raises(Refused, match="Too large"):
            Client(lambda: record, timeout_seconds=60).upload(
                header, bytearray(header.sample_bytes)
            )
        heard.set()
        server.join()
    assert time.monotonic() - began < 60  # it has not waited for its time to run out


def test_pixels_come_down_as_they_went_up() -> None:
    header = PixelHeader(3, 2, "grey", "u16", icc_bytes=3)
    body = pixels.to_prefix(header, b"icc") + b"0123456789ab"
    with ScriptedEngine(lambda _: Said(200, body)) as engine:
        client = client_of(engine)
        for found in (client.image("i1"), client.result("j1")):
            assert (found.header, found.icc) == (header, b"icc")
            assert found.samples == bytearray(b"0123456789ab")
    assert [asked.path for asked in engine.asked] == ["/v1/images/i1", "/v1/jobs/j1/result"]


def test_a_large_result_is_held_once() -> None:
    header = PixelHeader(4096, 1024, "rgb", "u8", alpha="straight")
    body = pixels.to_prefix(header) + bytes(header.sample_bytes)
    with ScriptedEngine(lambda _: Said(200, body)) as engine:
        client = client_of(engine)
        tracemalloc.start()
        try:
            found = client.result("j1")
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(found.samples) == header.sample_bytes
    spare = header.sample_bytes // 8  # that a bytearray grows by, and never touches
    assert peak_bytes < header.sample_bytes + spare + 2**21


@pytest.mark.parametrize("keep", [0, 4, 12, 60, 70])
def test_pixels_that_end_too_early_are_a_lost_connection(keep: int) -> None:
    body = pixels.to_prefix(GREY) + b"abcdef"
    said = Said(200, body[: min(keep, len(body) - 1)], length=len(body))
    with ScriptedEngine(lambda _: said) as engine, pytest.raises(ConnectionLost, match="went away"):
        client_of(engine).image("i1")


@pytest.mark.parametrize("body", [b"PNG.....", b"SDPX\xff\xff\xff\xff", b"SDPX\2\0\0\0{}"])
def test_what_is_no_pixels_is_said(body: bytes) -> None:
    with (
        ScriptedEngine(lambda _: Said(200, body)) as engine,
        pytest.raises(UnexpectedAnswer, match="no pixels"),
    ):
        client_of(engine).image("i1")


def test_a_result_is_saved_whole(tmp_path: Path) -> None:
    body = pixels.to_prefix(GREY) + b"abcdef"
    with ScriptedEngine(lambda _: Said(200, body)) as engine:
        client_of(engine).save_result("j1", tmp_path / "r.pixels")
    assert [file.name for file in tmp_path.iterdir()] == ["r.pixels"]
    assert (tmp_path / "r.pixels").read_bytes() == body


def test_a_result_that_ends_too_early_leaves_nothing(tmp_path: Path) -> None:
    said = Said(200, b"abc", length=3_000_000)
    with ScriptedEngine(lambda _: said) as engine, pytest.raises(ConnectionLost):
        client_of(engine).save_result("j1", tmp_path / "r.pixels")
    assert list(tmp_path.iterdir()) == []


# What can go wrong


def test_a_refusal_carries_the_engines_sentence() -> None:
    with (
        ScriptedEngine(lambda _: refusal(409, "wrong-state", "A job that is done.")) as engine,
        pytest.raises(Refused, match=r"A job that is done\.") as caught,
    ):
        client_of(engine).pause("j1")
    assert caught.value.problem.code == "wrong-state"


def test_what_is_not_there_is_an_error_of_its_own() -> None:
    with (
        ScriptedEngine(lambda _: refusal(404, "not-found", "No such job.")) as engine,
        pytest.raises(NotFound, match=r"No such job\."),
    ):
        client_of(engine).job("j1")


@pytest.mark.parametrize(("engine_speaks", "behind"), [(PROTOCOL + 1, "plug-in"), (0, "engine")])
@pytest.mark.parametrize("status", [200, 426])
def test_the_side_to_update_is_named(engine_speaks: int, behind: str, status: int) -> None:
    said = Said(status, codec.dumps(JobList([])), protocol=engine_speaks)
    expected = (
        f"The plug-in speaks version {PROTOCOL} of the wire and the engine {engine_speaks}: "
        f"update the {behind}."
    )
    with ScriptedEngine(lambda _: said) as engine, pytest.raises(ProtocolMismatch) as caught:
        client_of(engine).jobs()
    assert str(caught.value) == expected
    assert caught.value.problem.code == "protocol-mismatch"


def test_the_version_in_the_file_is_looked_at_before_anything_is_sent() -> None:
    record = EngineRecord(1, free_port(), TOKEN, PROTOCOL + 1, "9", 0.0)
    with pytest.raises(ProtocolMismatch, match=r"update the plug-in\."):
        Client(lambda: record).jobs()


def test_another_program_on_the_port_is_no_engine() -> None:
    with (
        ScriptedEngine(lambda _: Said(200, b"<html>", protocol=None)) as engine,
        pytest.raises(EngineUnreachable, match="is no ScaleDiff engine"),
    ):
        client_of(engine).jobs()


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"{"])
def test_an_answer_that_makes_no_sense_is_said(body: bytes) -> None:
    with (
        ScriptedEngine(lambda _: Said(200, body)) as engine,
        pytest.raises(UnexpectedAnswer, match="makes no sense"),
    ):
        client_of(engine).jobs()


def test_a_refusal_without_a_reason_says_its_number() -> None:
    with (
        ScriptedEngine(lambda _: Said(503, b"busy", protocol=None)) as engine,
        pytest.raises(Refused, match="answers 503"),
    ):
        client_of(engine).jobs()


def test_nobody_on_the_port_is_said() -> None:
    record = EngineRecord(1, free_port(), TOKEN, PROTOCOL, "0", 0.0)
    with pytest.raises(EngineUnreachable, match=f"does not answer on port {record.port}"):
        Client(lambda: record).jobs()


def test_that_there_is_no_engine_is_said() -> None:
    with pytest.raises(EngineUnreachable, match="is not running"):
        Client(lambda: None).jobs()


def test_an_engine_that_was_started_anew_is_found_by_the_same_client() -> None:
    records: list[EngineRecord] = []
    client = Client(lambda: records[-1])
    with ScriptedEngine(lambda _: message(JobList([]))) as first:
        records.append(first.record)
        client.jobs()
    with ScriptedEngine(lambda _: message(JobList([job_info()]))) as second:
        records.append(second.record)
        assert len(client.jobs().jobs) == 1


def test_a_token_of_yesterday_is_looked_up_again() -> None:
    def script(asked: Asked) -> Said:
        if asked.headers["Authorization"] == "Bearer new":
            return message(JobList([]))
        return refusal(401, "no-token", "Wrong token.")

    with ScriptedEngine(script) as engine:
        engine.token = "new"  # noqa: S105 - of nobody
        tokens = ["new", "old"]
        client = Client(
            lambda: EngineRecord(1, engine.record.port, tokens.pop(), PROTOCOL, "0", 0.0)
        )
        with pytest.raises(EngineNotProven):  # it was read just now
            client.jobs()
        assert client.jobs() == JobList([])


def test_what_may_have_been_done_is_not_asked_twice() -> None:
    def cut(_: Asked) -> Said:
        raise ConnectionAbortedError

    with ScriptedEngine(cut) as engine, pytest.raises(ConnectionLost):
        client_of(engine).submit(JobRequest("i1"))
    assert len(engine.asked) == 1


def test_what_only_asks_is_asked_again() -> None:
    def script(_: Asked) -> Said:
        if len(engine.asked) == 2:
            raise ConnectionAbortedError
        return message(JobList([]))

    with ScriptedEngine(script) as engine:
        client = client_of(engine)
        client.jobs()
        assert client.jobs() == JobList([])
    assert len(engine.asked) == 3


def test_an_engine_that_is_silent_is_lost() -> None:
    def slow() -> Iterator[bytes]:
        time.sleep(0.6)
        yield b"x"

    with ScriptedEngine(lambda _: Said(200, slow())) as engine:
        client = Client(lambda: engine.record, timeout_seconds=0.2)
        with pytest.raises(ConnectionLost, match="timed out"):
            client.jobs()


def test_every_error_has_a_code_and_a_sentence() -> None:
    def below(kind: type[ClientError]) -> list[type[ClientError]]:
        return [kind, *(deeper for sub in kind.__subclasses__() for deeper in below(sub))]

    codes = [kind.code for kind in below(ClientError) if not issubclass(kind, Refused)]
    assert len(codes) == len(set(codes)) > 6


def test_the_client_follows_pages_and_no_further_than_it_must() -> None:
    jobs = [replace(job_info(), id=name) for name in "abcd"]
    pages = {
        "": JobList(jobs[:2], "17"),
        "&after=17": JobList(jobs[2:3], "4"),
        "&after=4": JobList(jobs[3:]),
    }
    first = "/v1/jobs?limit=200"
    with ScriptedEngine(lambda asked: message(pages[asked.path.removeprefix(first)])) as engine:
        client = client_of(engine)
        assert client.jobs() == JobList(jobs)
        assert [asked.path for asked in engine.asked] == [first + after for after in pages]
        engine.asked.clear()
        assert next(client.each_job()) == jobs[0]
        assert [asked.path for asked in engine.asked] == [first]
