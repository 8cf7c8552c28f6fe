"""HTTP requests to an engine, never through a proxy: proof that it is ours, retry, reconnection.

An engine is trusted once it has proven that it knows the token: it answers a fresh number with an
HMAC of it, so that the token itself goes to no stranger on its port.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
import secrets
import selectors
import socket
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol, TypeVar

from . import codec
from .errors import (
    ConnectionLost,
    EngineNotProven,
    EngineUnreachable,
    NotFound,
    ProtocolMismatch,
    Refused,
    UnexpectedAnswer,
    require_protocol,
)
from .messages import PROTOCOL, PROTOCOL_HEADER, EngineProof, Problem
from .places import EngineRecord

PROOF_PATH = "/v1/proof"
NONCE_HEADER = "ScaleDiff-Nonce"
NONCE_PATTERN = "^[0-9a-f]{64}$"


def new_nonce() -> str:
    """Give a nonce that was never used before."""
    return secrets.token_hex(32)


def prove(token: str, nonce: str, pid: int, port: int) -> EngineProof:
    """Give the engine's answer to a nonce.

    Raises:
        ValueError: the nonce is none.
    """
    if re.match(NONCE_PATTERN, nonce) is None:
        raise ValueError("The nonce is not 64 hexadecimal digits.")
    text = f"scalediff-engine {nonce} {pid} {port}"
    return EngineProof(pid, hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest())


def is_proven(proof: EngineProof, token: str, nonce: str, port: int) -> bool:
    """Tell whether an answer to a nonce came from the engine that has this token and port."""
    expected = prove(token, nonce, proof.pid, port)
    return hmac.compare_digest(proof.hmac.encode(), expected.hmac.encode())


HOST = "127.0.0.1"
# bytes, bytearray, memoryview, an editor's own kind of buffer
Buffer = Any

_SLICE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16
_MAX_PROBLEM_BYTES = 1 << 16
# Said by the server that carries the engine, which does not know of our headers.
_BELOW_THE_ENGINE = (400, 503)
# Said by an engine of before there was a proof.
_BEFORE_PROOFS = (401, 404)


class Answer:
    """An answer whose body is still to be read.

    Attributes:
        response: its head, and its body
        socket: that it comes through; shutting it down wakes who reads
    """

    def __init__(self, connection: http.client.HTTPConnection, opened: socket.socket) -> None:
        self._connection = connection
        self.socket = opened
        self.response = connection.getresponse()

    def close(self) -> None:
        """End the connection."""
        self.response.close()
        self._connection.close()


@dataclass(frozen=True)
class Upload:
    """A body of known length.

    Attributes:
        media_type: what it is
        parts: one after the other, never copied
        length: of all of them, in bytes
    """

    media_type: str
    parts: Iterable[Buffer]
    length: int


@dataclass(frozen=True)
class Question:
    """A request, to whichever engine.

    Attributes:
        method, path: of HTTP
        upload: its body
        headers: besides those that each request has
    """

    method: str
    path: str
    upload: Optional[Upload] = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_repeatable(self) -> bool:
        """Whether the body could be sent a second time."""
        return self.upload is None or isinstance(self.upload.parts, tuple)

    def ask(self, record: EngineRecord, timeout_seconds: float) -> Answer:
        """Ask this engine, once it has proven that it is the one; the caller closes the answer.

        Raises:
            ClientError: see the tree.
        """
        connection = http.client.HTTPConnection(HOST, record.port, timeout=timeout_seconds)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise EngineUnreachable(
                    f"The engine does not answer on port {record.port}: {_reason(error)}."
                ) from error
            # or it would connect once more by itself, to whatever listens then
            connection.auto_open = 0
            _require_proof(connection, record)
            answer = self._exchange(connection, record.token)
            _require_success(answer.response, record.port)
        except BaseException:
            connection.close()
            raise
        return answer

    def _exchange(self, connection: http.client.HTTPConnection, token: str) -> Answer:
        opened = connection.sock
        try:
            connection.putrequest(self.method, self.path, skip_accept_encoding=True)
            connection.putheader("Authorization", f"Bearer {token}")
            connection.putheader(PROTOCOL_HEADER, str(PROTOCOL))
            for name, value in self.headers.items():
                connection.putheader(name, value)
            if self.upload is not None:
                connection.putheader("Content-Type", self.upload.media_type)
                connection.putheader("Content-Length", str(self.upload.length))
            elif self.method == "POST":
                connection.putheader("Content-Length", "0")
            connection.endheaders()
            if self.upload is not None:
                _send(connection, self.upload)
            return Answer(connection, opened)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionLost(f"The engine went away: {_reason(error)}.") from error


def _require_proof(connection: http.client.HTTPConnection, record: EngineRecord) -> None:
    """Pass if the engine of this record is at the other end, and the connection stays open.

    Raises:
        EngineNotProven: another program is.
        EngineUnreachable: it does not answer.
        ProtocolMismatch: it speaks another version of the wire.
    """
    nonce = new_nonce()
    headers = {PROTOCOL_HEADER: str(PROTOCOL), NONCE_HEADER: nonce}
    try:
        connection.request("GET", PROOF_PATH, headers=headers)
        response = connection.getresponse()
        data = response.read(_MAX_PROBLEM_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise EngineUnreachable(
            f"The engine does not answer on port {record.port}: {_reason(error)}."
        ) from error
    said = response.headers.get(PROTOCOL_HEADER, "")
    if said.isascii() and said.isdigit():
        require_protocol(int(said))
        if response.status in _BEFORE_PROOFS:
            raise ProtocolMismatch(
                f"The engine (process {record.pid}) is older than this program. End it: a new one "
                "is started when it is needed."
            )
    try:
        proof = codec.loads(EngineProof, data)
    except codec.Malformed:
        proof = None
    is_engine = (
        proof is not None
        and connection.sock is not None
        and record.pid in (0, proof.pid)
        and is_proven(proof, record.token, nonce, record.port)
    )
    if not is_engine:
        raise EngineNotProven(
            f"Another program than the ScaleDiff engine answers on port {record.port}. Nothing was "
            "sent to it."
        )


def read_whole(response: http.client.HTTPResponse) -> bytes:
    """Read what is left of an answer.

    Raises:
        ConnectionLost: it ends too early.
    """
    try:
        return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionLost(
            f"The engine went away in the midst of an answer: {_reason(error)}."
        ) from error


def read_some(response: http.client.HTTPResponse) -> bytes:
    """Give what has come of an answer, waiting for something; empty at its end.

    Raises:
        ConnectionLost: it ends too early, or nothing comes for too long.
    """
    try:
        return response.read1(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionLost(f"The engine went away: {_reason(error)}.") from error


def read_into(response: http.client.HTTPResponse, target: memoryview) -> None:
    """Fill ``target`` from an answer.

    Raises:
        ConnectionLost: it ends too early.
    """
    filled = 0
    try:
        while filled < len(target):
            count = response.readinto(target[filled:])
            if not count:
                raise ConnectionLost(
                    f"The engine went away in the midst of an answer: {filled} bytes of "
                    f"{len(target)} came."
                )
            filled += count
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionLost(
            f"The engine went away in the midst of an answer: {_reason(error)}."
        ) from error


def _send(connection: http.client.HTTPConnection, upload: Upload) -> None:
    """Send a body as fast as it is taken; stop where the engine has said no already."""
    sent = 0
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        try:
            for part in upload.parts:
                with memoryview(part) as view, view.cast("B") as octets:
                    sent += octets.nbytes
                    if sent > upload.length:
                        raise ValueError(f"More than the {upload.length} bytes that were said.")
                    start = 0
                    while start < octets.nbytes:
                        if _is_answered(selector, connection.timeout):
                            return
                        # what fits and no more, so that an answer is heard while nobody takes it
                        start += connection.sock.send(octets[start : start + _SLICE_BYTES])
        except ConnectionError:
            return  # it may have said why before it closed
    if sent < upload.length:
        raise ValueError(f"{sent} bytes came of the {upload.length} that were said.")


def _is_answered(selector: selectors.BaseSelector, seconds: Optional[float]) -> bool:
    """Wait until something came or more can be sent; tell whether something came."""
    ready = selector.select(seconds)
    if not ready:
        raise TimeoutError("timed out")
    return any(events & selectors.EVENT_READ for _, events in ready)


def _require_success(response: http.client.HTTPResponse, port: int) -> None:
    said = response.headers.get(PROTOCOL_HEADER, "")
    if said.isascii() and said.isdigit():
        require_protocol(int(said))
    elif response.status not in _BELOW_THE_ENGINE:
        raise EngineUnreachable(f"What answers on port {port} is no ScaleDiff engine.")
    if response.status < 400:
        return
    try:
        data = response.read(_MAX_PROBLEM_BYTES)
        problem = codec.loads(Problem, data)
    except (OSError, http.client.HTTPException, codec.Malformed) as error:
        message = f"The engine answers {response.status} ({response.reason}) and does not say why."
        problem = Problem(UnexpectedAnswer.code, message)
        raise Refused(response.status, problem) from error
    kind = NotFound if response.status == 404 else Refused
    raise kind(response.status, problem)


def _reason(error: Exception) -> str:
    """Say in words what a socket or the protocol ran into."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).rstrip(".")


T = TypeVar("T")
_UNAUTHORIZED = 401


class Find(Protocol):
    """Finds the engine, and may start one."""

    def __call__(self) -> Optional[EngineRecord]:
        """Give the engine that runs; none if there is none.

        Raises:
            ClientError: none can be found or started, and why.
        """
        ...


class Channel:
    """Asks whichever engine runs now.

    May be used by several threads.

    Args:
        find: finds the engine
        timeout_seconds: how long the engine may be silent
    """

    def __init__(self, find: Find, *, timeout_seconds: float = 30.0) -> None:
        self._find = find
        self._timeout_seconds = timeout_seconds
        self._record: Optional[EngineRecord] = None

    def call(
        self, method: str, path: str, read: Callable[[bytes], T], body: Optional[bytes] = None
    ) -> T:
        """Ask something small.

        Raises:
            ClientError: see the tree.
        """
        upload = None if body is None else Upload("application/json", (body,), len(body))
        with self.open(method, path, upload=upload) as response:
            data = read_whole(response)
        try:
            return read(data)
        except codec.Malformed as error:
            raise UnexpectedAnswer(f"The engine's answer makes no sense: {error}") from error

    @contextmanager
    def open(
        self, method: str, path: str, *, upload: Optional[Upload] = None
    ) -> Generator[http.client.HTTPResponse, None, None]:
        """Ask, and give the answer's body to read; the connection ends with the block.

        Raises:
            ClientError: see the tree.
        """
        answer = self.request(method, path, upload=upload)
        try:
            yield answer.response
        finally:
            answer.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        upload: Optional[Upload] = None,
        headers: Optional[dict[str, str]] = None,
        timeout_seconds: Optional[float] = None,
    ) -> Answer:
        """Ask; the caller closes the answer.

        An engine that has gone, or that does not know the token, has done nothing: if there is
        another one now, it is asked in its place. So it is with a GET that was cut off.

        Raises:
            ClientError: see the tree.
        """
        question = Question(method, path, upload, headers or {})
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        record, is_fresh = self._record, False
        if record is None:
            record, is_fresh = self._locate(), True
        try:
            return question.ask(record, timeout)
        except (EngineUnreachable, Refused) as error:
            if not _may_ask_again(question, error):
                raise
            self.forget()
            if is_fresh or not question.is_repeatable:
                raise
        return question.ask(self._locate(), timeout)

    def forget(self) -> None:
        """Look for the engine anew the next time."""
        self._record = None

    def _locate(self) -> EngineRecord:
        record = self._find()
        if record is None:
            raise EngineUnreachable("The ScaleDiff engine is not running.")
        require_protocol(record.protocol)
        self._record = record
        return record


def _may_ask_again(question: Question, error: Exception) -> bool:
    if isinstance(error, Refused):
        return error.status == _UNAUTHORIZED
    return question.method == "GET" or not isinstance(error, ConnectionLost)
