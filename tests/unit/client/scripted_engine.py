"""An engine that says what a test tells it to, over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scalediff_engine.client import codec
from scalediff_engine.client.messages import (
    PROTOCOL,
    PROTOCOL_HEADER,
    EventKind,
    JobEvent,
    JobInfo,
    JobState,
    Priority,
    Problem,
    UpscaleSettings,
)
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.client.transport import NONCE_HEADER, PROOF_PATH, prove

TOKEN = "the-token"  # noqa: S105 - of nobody


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """An answer; ``body`` may be pieces, and an exception among them cuts the connection."""

    status: int = 200
    body: bytes | Iterable[bytes | None] = b""
    headers: dict[str, str] = field(default_factory=dict)
    protocol: int | None = PROTOCOL
    length: int | None = None


CUT = None  # a piece of a body: the connection ends here

Script = Callable[[Asked], Said]


def message(what: Any, status: int = 200) -> Said:
    return Said(status, codec.dumps(what))


def refusal(status: int, code: str, sentence: str) -> Said:
    return message(Problem(code, sentence), status)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None: ...


class ScriptedEngine:
    """Answers by a function; a context manager.

    Attributes:
        asked: every request so far
        script: what is answered; may be replaced at any time
        proves: whether it proves that it knows its token, before the script is asked
        token: that it knows
    """

    def __init__(self, script: Script, *, reads_bodies: bool = True) -> None:
        self.script = script
        self.proves = True
        self.token = TOKEN
        self.asked: list[Asked] = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                if self.path == PROOF_PATH and engine.proves:
                    record = engine.record
                    nonce = self.headers[NONCE_HEADER]
                    self.say(message(prove(engine.token, nonce, record.pid, record.port)))
                    return
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length) if reads_bodies else b""
                asked = Asked(self.command, self.path, dict(self.headers), body)
                engine.asked.append(asked)
                self.close_connection = True
                self.say(engine.script(asked))

            do_GET = do_POST = do_DELETE = answer  # noqa: N815

            def say(self, said: Said) -> None:
                self.send_response(said.status)
                if said.protocol is not None:
                    self.send_header(PROTOCOL_HEADER, str(said.protocol))
                for name, value in said.headers.items():
                    self.send_header(name, value)
                if isinstance(said.body, bytes):
                    length = len(said.body) if said.length is None else said.length
                    self.send_header("Content-Length", str(length))
                    self.end_headers()
                    self.wfile.write(said.body)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in said.body:
                    if piece is CUT:
                        return
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None: ...

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def record(self) -> EngineRecord:
        port = self._server.server_address[1]
        return EngineRecord(1, port, TOKEN, PROTOCOL, "0", 0.0)

    def __enter__(self) -> ScriptedEngine:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def answer_proof(connection: socket.socket, record: EngineRecord) -> None:
    """Read the first request of a connection, and prove what it asks for."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1 << 16)
    nonce = head.partition(NONCE_HEADER.encode() + b": ")[2].partition(b"\r\n")[0].decode()
    body = codec.dumps(prove(record.token, nonce, record.pid, record.port))
    said = f"HTTP/1.1 200 OK\r\n{PROTOCOL_HEADER}: 1\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(said.encode() + body)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def job_info(state: JobState = JobState.RUNNING, events: int = 0) -> JobInfo:
    return JobInfo(
        id="j1",
        state=state,
        settings=UpscaleSettings(),
        image="i1",
        source_width=1,
        source_height=1,
        width=4,
        height=4,
        priority=Priority.EDITOR,
        title="",
        keep=True,
        created_at=0.0,
        updated_at=0.0,
        events=events,
    )


def event(number: int, state: JobState = JobState.RUNNING) -> JobEvent:
    return JobEvent(number, EventKind.STATE, state)


def as_stream(events: Iterable[JobEvent]) -> bytes:
    """Give events as a server writes them."""
    return b"".join(
        b"id: %d\nevent: %b\ndata: %b\n\n" % (e.number, e.kind.value.encode(), codec.dumps(e))
        for e in events
    )


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Wait until something holds; false if it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return holds()
