"""The way to the engine: knows where it is, and looks again when it is not there any more."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Optional, Protocol, TypeVar

from . import codec
from .errors import (
    ConnectionLost,
    EngineUnreachable,
    Refused,
    UnexpectedAnswer,
    require_protocol,
)
from .exchange import Answer, Question, Upload, read_whole
from .places import EngineRecord

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
