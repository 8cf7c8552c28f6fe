"""Whether anybody is there: requests under way, and when the last one was."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager


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
