"""When an engine begins and ends: there is one of each user, and it leaves when nobody needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock, Timeout

from scalediff_engine.base.errors import EngineError, EngineRunsAlready
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.files import make_private
from scalediff_engine.client.places import Places, read_engine


class Activity:
    """Counts requests of those who hold the token.

    Args:
        clock: seconds that only grow

    Attributes:
        open_requests: under way, event streams included
        last_at: when one began or ended, by ``clock``
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.open_requests = 0
        self.last_at = clock()

    @contextmanager
    def request(self) -> Generator[None]:
        """Count one for as long as it is under way."""
        self.open_requests += 1
        self.last_at = self._clock()
        try:
            yield
        finally:
            self.open_requests -= 1
            self.last_at = self._clock()


@dataclass(frozen=True)
class Pulse:
    """What there is to do for the engine.

    Attributes:
        jobs: queued or under way
        sessions: open dialogs
        requests: under way, those that watch included
        last_at: when a request began or ended, by the clock that ``is_over`` is given
    """

    jobs: int
    sessions: int
    requests: int
    last_at: float


def is_over(pulse: Pulse, now: float, idle_seconds: float, last_busy_at: float) -> bool:
    """Tell whether nobody has needed the engine for so long that it may end.

    Args:
        pulse: what there is to do
        now: by the same clock as the two moments
        idle_seconds: how long it waits; 0 = for ever
        last_busy_at: when a pulse last had something to do
    """
    if idle_seconds <= 0 or is_busy(pulse):
        return False
    return now - max(pulse.last_at, last_busy_at) >= idle_seconds


def is_busy(pulse: Pulse) -> bool:
    """Tell whether somebody waits for the engine."""
    return bool(pulse.jobs or pulse.sessions or pulse.requests)


class Idleness:
    """Watches pulses go by.

    Args:
        idle_seconds: see ``is_over``
        now: when the watching begins
    """

    def __init__(self, idle_seconds: float, now: float) -> None:
        self._idle_seconds = idle_seconds
        self._last_busy_at = now

    def is_over(self, pulse: Pulse, now: float) -> bool:
        """Take note of a pulse, and tell whether the engine may end."""
        used_at = now if is_busy(pulse) else min(pulse.last_at, now)
        self._last_busy_at = max(self._last_busy_at, used_at)
        return is_over(pulse, now, self._idle_seconds, self._last_busy_at)


@contextmanager
def only_engine(places: Places) -> Generator[None]:
    """Be the only engine of this user; a lock that a dead process left counts for nothing.

    Raises:
        EngineRunsAlready: there is one.
        EngineError: the folder cannot be written.
    """
    try:
        make_private(places.run)
        lock = FileLock(places.engine_lock, timeout=0, mode=0o600)
        lock.acquire()
    except Timeout:
        raise EngineRunsAlready(f"An engine of yours runs already{_which(places)}.") from None
    except OSError as error:
        raise EngineError(f"{places.run} cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()


def _which(places: Places) -> str:
    try:
        record = read_engine(places)
    except ClientError:
        record = None
    return "" if record is None else f" (process {record.pid})"
