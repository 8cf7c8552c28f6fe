"""Functions that read files of the user, in few threads, since a dead network folder never answers.

A thread that hangs keeps its place until it returns, its caller waits a limited time, and the
process can end without it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from scalediff_engine.base.errors import EngineBusy

T = TypeVar("T")


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
