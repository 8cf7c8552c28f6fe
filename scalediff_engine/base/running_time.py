"""Waiting that counts only the time in which this process runs.

A suspended laptop, a paused virtual machine or SIGSTOP stops everybody at once. When it ends, all
deadlines of the clock have passed although nobody was slow. Here a deadline is a number of turns of
the event loop, and a pause of any length takes one turn: what has arrived meanwhile is read first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")

_MOST_TURNS = 30


def _turns(seconds: float) -> int:
    """Return in how many turns to wait: one a second, at least two."""
    return max(2, min(_MOST_TURNS, int(seconds)))


async def sleep(seconds: float) -> None:
    """Sleep for some seconds of running time."""
    turns = _turns(seconds)
    for _ in range(turns):
        await asyncio.sleep(seconds / turns)


async def wait_for(work: Awaitable[T], seconds: float) -> T:
    """Wait for a result as `asyncio.wait_for` does.

    Raises:
        TimeoutError: it took longer; it was cancelled.
    """
    async with Timeout(seconds):
        return await work


class Timeout:
    """Leave the block with ``TimeoutError`` after some seconds, as `asyncio.timeout` does.

    Args:
        seconds: from the beginning, or from the last ``restart``
    """

    def __init__(self, seconds: float) -> None:
        self._most_turns = _turns(seconds)
        self._turn_s = seconds / self._most_turns
        self._turns = 0
        self._limit = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    def restart(self) -> None:
        """Begin to count anew."""
        self._turns = 0

    async def __aenter__(self) -> Timeout:
        await self._limit.__aenter__()
        self._wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._turn_s, self._turn)

    def _turn(self) -> None:
        self._turns += 1
        if self._turns < self._most_turns:
            self._wait()
        else:
            self._limit.reschedule(asyncio.get_running_loop().time())
