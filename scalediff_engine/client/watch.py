"""Following a job, a batch or a session through lost connections and restarts of the engine."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Optional, TypeVar

from . import codec
from .batches import BatchInfo
from .errors import (
    ClientError,
    ConnectionLost,
    EngineUnreachable,
    Refused,
    UnexpectedAnswer,
)
from .messages import JobEvent, JobInfo, SessionInfo
from .transport import Channel, read_some

T = TypeVar("T")

# The engine says something every 15 seconds, even if there is nothing to say.
SILENCE_SECONDS = 45.0
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0
_LONGEST_TRY_SECONDS = SILENCE_SECONDS + LONGEST_DELAY_SECONDS
# A stream that lasted this long was a sound one, even if nothing happened.
_SOUND_SECONDS = 1.0
_MOST_GAPS = 5
# Not about the job: another engine, or one that is about to end.
_PASSING_STATUSES = (401, 500, 502, 503)


@dataclass
class Progress:
    """What has been seen of a stream, and how it goes.

    Attributes:
        last: number of the newest event that was handed on
        patience_seconds: how long nothing may work before it is given up
        may_skip: whether an event makes those before it superfluous
        lost_at: the last try that failed; none = it works
        lost_seconds: how long nothing works, without pauses of this process
        delay_seconds: before the next try
        gaps: how often in a row an event was missing
    """

    last: int
    patience_seconds: float
    may_skip: bool = False
    lost_at: Optional[float] = None
    lost_seconds: float = 0.0
    delay_seconds: float = FIRST_DELAY_SECONDS
    gaps: int = 0

    def accepts(self, number: int) -> bool:
        """Tell whether this event is the next one; false if it was seen before.

        Raises:
            Gap: one in between is missing.
        """
        if number <= self.last:
            return False
        if number > self.last + 1 and not self.may_skip:
            self.gaps += 1
            raise Gap(self.last + 1, number)
        self.last = number
        self.gaps = 0
        self.sound()
        return True

    def sound(self) -> None:
        """Note that the stream works."""
        self.lost_at = None
        self.lost_seconds = 0.0
        self.delay_seconds = FIRST_DELAY_SECONDS

    def lost(self, now: float) -> Optional[float]:
        """Note that the stream is gone; give the seconds to wait, none = give up."""
        if self.lost_at is not None:
            # a try and its delay take no longer; the rest is a suspended machine
            self.lost_seconds += min(now - self.lost_at, _LONGEST_TRY_SECONDS)
        self.lost_at = now
        if self.lost_seconds > self.patience_seconds or self.gaps >= _MOST_GAPS:
            return None
        delay = self.delay_seconds
        self.delay_seconds = min(LONGEST_DELAY_SECONDS, 2 * delay)
        return delay


class Gap(Exception):
    """An event is missing in a stream."""

    def __init__(self, missing: int, came: int) -> None:
        super().__init__(f"The engine skips event {missing} and goes on with {came}.")


@dataclass(frozen=True)
class Subject(Generic[T]):
    """What is watched.

    Attributes:
        path: of its events
        read: turns a server-sent event into its number and its message
        is_final: whether a message may be the last
        newest: asks where it stands: whether it has ended, and the number of its newest event
        may_skip: see ``Progress``
    """

    path: str
    read: Callable[[ServerEvent], tuple[int, T]]
    is_final: Callable[[T], bool]
    newest: Callable[[], tuple[bool, int]]
    may_skip: bool = False


class _Following(Generic[T]):
    """Connects again and again until all is told.

    Attributes:
        progress: what has been seen
    """

    def __init__(self, channel: Channel, subject: Subject[T], progress: Progress) -> None:
        self.progress = progress
        self._channel = channel
        self._subject = subject
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._socket: Optional[socket.socket] = None

    def stop(self) -> None:
        """Wake whoever waits for an event, and end."""
        self._closed.set()
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):  # it may be gone already
                    self._socket.shutdown(socket.SHUT_RDWR)

    def events(self) -> Generator[T, None, None]:
        """Give each event once and in order, over as many connections as it takes."""
        while not self._closed.is_set():
            began, before = time.monotonic(), self.progress.last
            trouble: Exception = ConnectionLost("The engine ends the stream again and again.")
            try:
                for message in self._stream():
                    yield message
                    if self._subject.is_final(message) and self._has_ended():
                        return
                if self.progress.last == before and self._is_over():
                    return
            except Gap as gap:
                trouble = UnexpectedAnswer(str(gap))
            except (EngineUnreachable, Refused) as error:
                if isinstance(error, Refused) and error.status not in _PASSING_STATUSES:
                    raise
                trouble = error
            if time.monotonic() - began > _SOUND_SECONDS:
                self.progress.sound()
            self._pause(trouble)

    def _pause(self, trouble: Exception) -> None:
        delay = self.progress.lost(time.monotonic())
        if delay is None and not self._closed.is_set():
            raise trouble
        self._closed.wait(delay)

    def _stream(self) -> Iterator[T]:
        """Give the new events of one connection."""
        answer = self._channel.request(
            "GET",
            self._subject.path,
            headers={"Accept": MEDIA_TYPE, "Last-Event-ID": str(self.progress.last)},
            timeout_seconds=SILENCE_SECONDS,
        )
        try:
            self._hold(answer.socket)
            parser = Parser()
            while not self._closed.is_set():
                chunk = read_some(answer.response)
                if not chunk:
                    return
                for event in parser.feed(chunk):
                    number, message = self._subject.read(event)
                    if self.progress.accepts(number):
                        yield message
        except codec.Malformed as error:
            raise UnexpectedAnswer(f"An event of the engine makes no sense: {error}") from error
        finally:
            self._hold(None)
            answer.close()

    def _hold(self, opened: Optional[socket.socket]) -> None:
        with self._lock:
            self._socket = opened

    def _has_ended(self) -> bool:
        """Ask, after its end, whether it goes on: somebody may have retried it."""
        try:
            return self._is_over()
        except ClientError:  # removed, or the engine has ended as well
            return True

    def _is_over(self) -> bool:
        """Ask whether it has ended and nothing more is to come."""
        ended, newest = self._subject.newest()
        return ended and newest <= self.progress.last


class Watch(Iterator[T]):
    """Gives the events of a job, a batch or a session, each once and in order.

    ``close`` may be called from another thread; the iteration ends then. Who lets go of a watch
    closes its connection too, at once: nothing in here refers back to it.
    """

    def __init__(
        self, channel: Channel, subject: Subject[T], after: int, patience_seconds: float
    ) -> None:
        progress = Progress(after, patience_seconds, subject.may_skip)
        self._following = _Following(channel, subject, progress)
        self._events = self._following.events()

    def __iter__(self) -> Watch[T]:
        """Give itself."""
        return self

    def __next__(self) -> T:
        """Wait for the next event.

        Raises:
            ClientError: the engine is gone for too long, or does not know the job any more.
        """
        return next(self._events)

    def __enter__(self) -> Watch[T]:
        """Give itself; the connection ends with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._events.close()

    @property
    def last(self) -> int:
        """Number of the newest event that was given; where another watch could go on."""
        return self._following.progress.last

    def close(self) -> None:
        """Stop watching: the engine sees the connection go."""
        self._following.stop()


def watch_job(
    channel: Channel, path: str, ask: Callable[[], JobInfo], after: int, patience_seconds: float
) -> Watch[JobEvent]:
    """Follow the job at ``path``; ``ask`` says how it stands."""

    def read(event: ServerEvent) -> tuple[int, JobEvent]:
        message = codec.loads(JobEvent, event.data.encode())
        return message.number, message

    def newest() -> tuple[bool, int]:
        job = ask()
        return job.state.is_final, job.events

    subject = Subject(f"{path}/events", read, lambda event: event.state.is_final, newest)
    return Watch(channel, subject, after, patience_seconds)


def watch_session(
    channel: Channel,
    path: str,
    ask: Callable[[], SessionInfo],
    after: int,
    patience_seconds: float,
) -> Watch[SessionInfo]:
    """Follow the session at ``path``; ``ask`` says how it stands."""

    def read(event: ServerEvent) -> tuple[int, SessionInfo]:
        message = codec.loads(SessionInfo, event.data.encode())
        return message.events, message

    def newest() -> tuple[bool, int]:
        session = ask()
        return session.state.is_final, session.events

    subject = Subject(
        f"{path}/events", read, lambda session: session.state.is_final, newest, may_skip=True
    )
    return Watch(channel, subject, after, patience_seconds)


def watch_batch(
    channel: Channel, path: str, ask: Callable[[], BatchInfo], after: int, patience_seconds: float
) -> Watch[BatchInfo]:
    """Follow the batch at ``path``; ``ask`` says how it stands."""

    def read(event: ServerEvent) -> tuple[int, BatchInfo]:
        message = codec.loads(BatchInfo, event.data.encode())
        return message.events, message

    def newest() -> tuple[bool, int]:
        batch = ask()
        return batch.is_over, batch.events

    subject = Subject(f"{path}/events", read, lambda batch: batch.is_over, newest, may_skip=True)
    return Watch(channel, subject, after, patience_seconds)


MEDIA_TYPE = "text/event-stream"
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"[\r\n]")
# More than any event of ours; what is longer is no stream of ours, and must not fill the memory.
MAX_EVENT_BYTES = 4 * 2**20


@dataclass(frozen=True)
class ServerEvent:
    """One event of a stream.

    Attributes:
        kind: its ``event`` field, ``message`` if it has none
        data: its ``data`` lines
        last_id: the newest ``id`` of the stream so far
    """

    kind: str
    data: str
    last_id: str


class Parser:
    """Turns bytes into events.

    Attributes:
        last_id: the newest ``id`` that came
        retry_ms: what the server wishes a client to wait before it connects again
    """

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms: Optional[int] = None
        self._line = bytearray()
        self._after_cr = False
        self._at_start = True
        self._kind = ""
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Give the events that end in this chunk.

        Raises:
            codec.Malformed: an event is longer than any of ours.
        """
        events: list[ServerEvent] = []
        start = 0
        for end in (match.start() for match in _LINE_END.finditer(chunk)):
            is_second_half = self._after_cr and end == start and chunk[end] == 0x0A
            self._after_cr = chunk[end] == 0x0D
            if not is_second_half:  # the LF of a CRLF does not end another line
                self._line += chunk[start:end]
                event = self._end_line()
                if event is not None:
                    events.append(event)
            start = end + 1
        if start < len(chunk):
            self._after_cr = False
            self._line += chunk[start:]
        self._require_bounded()
        return events

    def _end_line(self) -> Optional[ServerEvent]:
        line = bytes(self._line)
        self._line.clear()
        if self._at_start:
            self._at_start = False
            if line.startswith(_BOM):
                line = line[len(_BOM) :]
        if not line:
            return self._dispatch()
        name, _, value = line.decode("utf-8", "replace").partition(":")
        self._take(name, value[1:] if value.startswith(" ") else value)
        self._require_bounded()
        return None

    def _take(self, name: str, value: str) -> None:
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) < 10:
            self.retry_ms = int(value)

    def _dispatch(self) -> Optional[ServerEvent]:
        kind, data = self._kind, self._data
        self._kind, self._data, self._data_bytes = "", [], 0
        if not data:
            return None
        return ServerEvent(kind or "message", "\n".join(data), self.last_id)

    def _require_bounded(self) -> None:
        if len(self._line) + self._data_bytes > MAX_EVENT_BYTES:
            raise codec.Malformed(f"An event of more than {MAX_EVENT_BYTES} bytes.")
