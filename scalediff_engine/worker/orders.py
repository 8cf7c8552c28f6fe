"""What the worker was told to do: jobs in their order, and which of them it is to leave."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import BinaryIO

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.client.codec import Malformed
from scalediff_engine.jobs import protocol
from scalediff_engine.jobs.protocol import Run, Stop

_log = logging.getLogger(__name__)


class Task:
    """A job that was ordered, and what was said about it since.

    Attributes:
        run: the order
        stop: that it is to be left, and how
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.stop: Stop | None = None

    def leave_if_told(self) -> None:
        """Raise ``Cancelled`` if it is to be left."""
        if self.stop is not None:
            raise Cancelled

    def hear(self, stop: Stop) -> None:
        """Remember the order to leave it; one to forget it stays."""
        if self.stop is None or self.stop.keep:
            self.stop = stop


class Orders:
    """Reads orders while a job runs.

    Args:
        stream: with one order a line
        on_end: called when it was closed
    """

    def __init__(self, stream: BinaryIO, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._on_end = on_end
        self._waiting: queue.Queue[Task] = queue.Queue()
        self._tasks: dict[str, Task] = {}
        self._lock = threading.Lock()

    def listen(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def next(self) -> Task:
        """Wait for the next job."""
        return self._waiting.get()

    def forget(self, task: Task) -> None:
        """Hear of no more stops of a job that has ended; it may have been ordered again already."""
        with self._lock:
            if self._tasks.get(task.run.job) is task:
                del self._tasks[task.run.job]

    def _listen(self) -> None:
        try:
            for line in self._stream:
                self._take(line)
        except Exception:  # noqa: BLE001 - the outermost layer of this thread
            _log.exception("The orders cannot be read any more.")
        self._on_end()

    def _take(self, line: bytes) -> None:
        try:
            order = protocol.from_line(line)
        except Malformed as error:
            _log.error("An order was not understood: %s", error)
            return
        with self._lock:
            if isinstance(order, Run):
                task = self._tasks[order.job] = Task(order)
                self._waiting.put(task)
            elif isinstance(order, Stop) and order.job in self._tasks:
                self._tasks[order.job].hear(order)
