"""Slow functions in a limited number of threads, and values that are cached for some seconds.

A thread that hangs on a dead network folder keeps its place until it returns, its caller waits a
limited time, and the process can end without it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

from scalediff_engine.base.errors import EngineBusy

T = TypeVar("T")

_log = logging.getLogger(__name__)

# A folder on a dead network disk never answers; the last value is given then.
_MOST_SECONDS = 15.0


class Remembered(Generic[T]):
    """What ``ask`` gave last.

    Args:
        ask: called in a thread, one at a time; when it fails, the last value stays
        first: the value as long as there is no other
        seconds: until it is asked again
        clock: seconds that only grow
    """

    def __init__(
        self,
        ask: Callable[[], T],
        first: T,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._value = first
        self._seconds = seconds
        self._clock = clock
        self._asked_at: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._is_outdated = False
        self._threads = LimitedThreads(1, _MOST_SECONDS)

    def last(self) -> T:
        """Give the last value at once, and see to a newer one if it is old."""
        self._refresh_if_old()
        return self._value

    async def fresh(self) -> T:
        """Give a value that is not old; wait for it if need be."""
        self._refresh_if_old()
        while self._asking is not None:
            await asyncio.shield(self._asking)
            if self._is_outdated:
                self._is_outdated = False
                self._refresh_if_old()
        return self._value

    def outdate(self) -> None:
        """Know that the value is another one now: it is asked again, also if that goes on."""
        self._asked_at = None
        self._is_outdated = self._asking is not None

    def close(self) -> None:
        """Do not wait for an answer any more."""
        if self._asking is not None:
            self._asking.cancel()

    def _refresh_if_old(self) -> None:
        now = self._clock()
        old = self._asked_at is None or now - self._asked_at > self._seconds
        if old and self._asking is None:
            self._asked_at = now
            self._asking = asyncio.get_running_loop().create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            self._value = await self._threads.run(self._ask)
        except Exception:  # noqa: BLE001 - the last value stays, and the log tells
            _log.exception("What the machine has could not be asked")
        finally:
            self._asking = None


class LimitedThreads:
    """Runs functions in threads; for one event loop.

    Args:
        most: how many run at once
        seconds: how long a caller waits, for a place and for the function
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._places = asyncio.Semaphore(most)

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Run a function in a thread.

        Raises:
            EngineBusy: it takes too long, or those before it do.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
                # daemons, which the process does not wait for at its end
                work = partial(self._work, future, partial(function, *args))
                threading.Thread(target=work, daemon=True).start()
                return await future
        except TimeoutError as error:
            raise EngineBusy(
                f"Files have not answered for {self._seconds:g} s; at most {self._most} requests "
                "wait for files at once. Check that the disk or the network folder is connected "
                "and try again."
            ) from error

    def _work(self, future: asyncio.Future[T], function: Callable[[], T]) -> None:
        try:
            settle = partial(future.set_result, function())
        except Exception as error:  # noqa: BLE001 - it is raised where the function was called
            settle = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the event loop has closed
            future.get_loop().call_soon_threadsafe(self._end, future, settle)

    def _end(self, future: asyncio.Future[T], settle: Callable[[], None]) -> None:
        self._places.release()
        if not future.done():  # its caller waits no more
            settle()
