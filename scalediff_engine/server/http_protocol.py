"""HTTP connections with limits: on a request head, on silence in both directions, on their number.

Any program of this computer can open a connection, also one without the token. So a connection
counts as *waiting* until a request of it has passed the security checks: waiting connections have
a deadline and few places, and a new one takes the place of the oldest.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

_log = logging.getLogger(__name__)

# In the extensions of an ASGI scope: a function that says that a request has passed the checks.
ADMIT = "scalediff.admit"

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
# For the rest of a body whose request was answered already.
DRAIN_SECONDS = 5.0
# For a client to read something of an answer.
UNREAD_SECONDS = 60.0
MAX_WAITING = 64
# A burst of our own clients is let in: so many may wait for so short a time.
MAX_BURST = 512
BURST_SECONDS = 1.0
# So many are accepted in one turn of the event loop; asyncio also repeats a failed accept so often.
BACKLOG = 128
_ACCEPT_FAILED = "socket.accept() out of system resource"
_LOG_INTERVAL_SECONDS = 60.0
_UNLIMITED = 2**20


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        waiting_since: by the event loop's clock; None = a request has passed the checks and is
            under way
    """

    transport: asyncio.Transport
    waiting_since: float | None = None
    _head_bytes = 0
    _heads = 0
    _is_head_due = True
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and drop the one that has waited longest if there are too many."""
        super().connection_made(transport)
        # any byte that is not taken at once starts the time of ``UNREAD_SECONDS``
        transport.set_write_buffer_limits(high=0)
        self.waiting_since = self.loop.time()
        waiting = _waiting(self.connections)
        now = self.loop.time()
        excess = len(waiting) - max_waiting()
        for count, connection in enumerate(waiting[: max(0, excess)]):
            is_burst = now - (connection.waiting_since or 0) < BURST_SECONDS
            if is_burst and len(waiting) - count <= max_burst():
                break
            connection.drop()
        self._limit_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its timers."""
        self.waiting_since = None
        self._cancel_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close the connection at once, whatever is under way."""
        self.waiting_since = None
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what came, in pieces, so that a head is limited wherever it was cut."""
        for piece in _pieces(data):
            was_due, heads = self._is_head_due, self._heads
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if was_due and self._is_head_due and heads == self._heads:
                self._head_bytes += len(piece)
                if self._head_bytes >= HEAD_BYTES:
                    self._refuse(431, "The head of the request is too long.")
                    return
                self._limit_head()

    def on_headers_complete(self) -> None:
        """Serve a request whose head is there."""
        self._heads += 1
        self._head_bytes = 0
        self._is_head_due = False
        self._cancel_deadline()
        self.scope["extensions"] = {ADMIT: self._admit}  # type: ignore[typeddict-item]
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        self._is_head_due = True
        if self._is_idle():  # that was the rest of a body whose request was answered already
            self._set_deadline(HEAD_SECONDS, self._on_late_head)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give the place back, and the rest of the body some time."""
        if self.waiting_since is None and not self.transport.is_closing():
            self.waiting_since = self.loop.time()
        if not self._is_head_due:
            self._set_deadline(DRAIN_SECONDS, self.drop)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Note that the client has not read all that was sent."""
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self._on_unread)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it has."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _admit(self) -> None:
        self.waiting_since = None

    def _is_idle(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _limit_head(self) -> None:
        if self._deadline is None:
            self._set_deadline(HEAD_SECONDS, self._on_late_head)

    def _on_late_head(self) -> None:
        self._deadline = None
        if self._head_bytes:
            self._refuse(408, "The head of the request did not arrive in time.")
        else:
            self.drop()

    def _on_unread(self) -> None:
        _log.warning("A client has not read its answer for %g s; closed", UNREAD_SECONDS)
        self.drop()

    def _refuse(self, status: int, sentence: str) -> None:
        if not self._is_idle():  # an answer is under way, which this must not interrupt
            self.drop()
            return
        body = sentence.encode()
        head = b"content-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head % len(body) + body)
        self.transport.close()

    def _set_deadline(self, seconds: float, act: Any) -> None:  # noqa: ANN401 - a callback
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, act)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class AcceptErrors:
    """Handles errors of the event loop: no more files can be opened, or something unforeseen.

    asyncio pauses for a second when no connection can be accepted. Meanwhile this closes waiting
    connections, so that the next one finds a place, and logs one line a minute.

    Args:
        connections: of the server
    """

    def __init__(self, connections: set[Any]) -> None:
        self._connections = connections
        self._logged_at: float | None = None

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle one (``loop.set_exception_handler``)."""
        if context.get("message") != _ACCEPT_FAILED:
            loop.default_exception_handler(context)
            return
        waiting = _waiting(self._connections)
        for connection in waiting[: (len(waiting) + 1) // 2]:
            connection.drop()
        now = time.monotonic()
        if self._logged_at is None or now - self._logged_at >= _LOG_INTERVAL_SECONDS:
            self._logged_at = now
            _log.warning(
                "No connection can be accepted: %s. %d connections are open",
                context.get("exception"),
                len(self._connections),
            )


def max_waiting() -> int:
    """Give the most connections that may wait."""
    return min(MAX_WAITING, max_files() // 4)


def max_burst() -> int:
    """Give the most connections that may wait for a moment."""
    return min(MAX_BURST, max_files() // 3)


def max_files() -> int:
    """Give how many files and connections this process may have open."""
    if sys.platform == "win32":
        return _UNLIMITED
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _UNLIMITED if files == resource.RLIM_INFINITY else files


def _waiting(connections: set[Any]) -> list[LimitedHttpProtocol]:
    """Give those that wait, the one that has waited longest first."""
    found = [each for each in connections if each.waiting_since is not None]
    return sorted(found, key=lambda each: each.waiting_since)


def _pieces(data: bytes) -> Iterator[bytes]:
    if len(data) <= HEAD_BYTES:
        yield data
        return
    for start in range(0, len(data), HEAD_BYTES):
        yield data[start : start + HEAD_BYTES]
