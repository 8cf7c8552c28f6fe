"""Who is watched, and who has been left alone for too long."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager

from scalediff_engine.base import running_time


class Attendance:
    """Counts the watchers of things, and tells when the last one has been gone for a while.

    Args:
        left: told the thing's name
        first_seconds: how long the first watcher may take to come
        gone_seconds: how long a watcher may take to come back; both in running time, since a pause
            of this process stops the watchers too
    """

    def __init__(
        self, left: Callable[[str], None], *, first_seconds: float, gone_seconds: float
    ) -> None:
        self._left = left
        self._first_seconds = first_seconds
        self._gone_seconds = gone_seconds
        self._watchers: Counter[str] = Counter()
        self._timers: dict[str, asyncio.Task[None]] = {}

    def expect(self, name: str) -> None:
        """Wait for the first watcher of something."""
        if not self._watchers[name]:
            self._wait(name, self._first_seconds)

    @contextmanager
    def watching(self, name: str) -> Generator[None]:
        """Be a watcher of something."""
        self._watchers[name] += 1
        self.forget(name)
        try:
            yield
        finally:
            self._watchers[name] -= 1
            if not self._watchers[name]:
                del self._watchers[name]
                self._wait(name, self._gone_seconds)

    def forget(self, name: str) -> None:
        """Stop waiting for anybody to come to something."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Stop waiting altogether."""
        for name in list(self._timers):
            self.forget(name)

    def _wait(self, name: str, seconds: float) -> None:
        self.forget(name)
        self._timers[name] = asyncio.get_running_loop().create_task(self._give_up(name, seconds))

    async def _give_up(self, name: str, seconds: float) -> None:
        await running_time.sleep(seconds)
        self._timers.pop(name, None)
        self._left(name)
