"""Something that is under way and may be given up."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Ticket:
    """Held by whoever asked for something; after ``cancel`` nothing more is heard of it.

    Args:
        on_cancel: ends the work itself, if there is a way to; called once, from ``cancel``
    """

    def __init__(self, on_cancel: Callable[[], None] | None = None) -> None:
        self._on_cancel = on_cancel
        self._cancelled = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was given up."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Give it up; a second time does nothing."""
        with self._lock:
            ending, self._on_cancel = self._on_cancel, None
            self._cancelled.set()
        if ending is not None:
            ending()

    def on_cancel(self, ending: Callable[[], None]) -> None:
        """Say how the work itself is ended; called at once if it was given up already."""
        with self._lock:
            if not self._cancelled.is_set():
                self._on_cancel = ending
                return
        ending()
