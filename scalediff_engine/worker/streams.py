"""The worker's two private streams, out of reach of whatever a library reads or prints."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.client.codec import Malformed
from scalediff_engine.jobs import worker_process
from scalediff_engine.jobs.worker_process import Alive, Run, Stop

_BEAT_S = 1.0


def take_over() -> tuple[BinaryIO, Herald]:
    """Keep standard input and output for orders and news.

    From then on, what anybody else reads from standard input is empty, and what they print, also
    below Python and in child processes, goes to standard error, which is the log.
    """
    orders, news = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(orders, "rb"), Herald(news)


class Herald:
    """Tells news, from any thread, one line at a time."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._lock = threading.Lock()

    def tell(self, message: worker_process.News) -> None:
        """Send a message; if nobody listens any more, the process ends here."""
        line = memoryview(worker_process.to_line(message))
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._handle, line) :]
            except OSError:
                leave(0)

    def beat(self) -> None:
        """Say every second that the process is alive, for as long as it is."""
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def _beat(self) -> None:
        while True:
            time.sleep(_BEAT_S)
            self.tell(Alive())


def leave(code: int) -> None:
    """End the process at once, whatever its other threads are at."""
    os._exit(code)


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
            order = worker_process.from_line(line)
        except Malformed as error:
            _log.error("An order was not understood: %s", error)
            return
        with self._lock:
            if isinstance(order, Run):
                task = self._tasks[order.job] = Task(order)
                self._waiting.put(task)
            elif isinstance(order, Stop) and order.job in self._tasks:
                self._tasks[order.job].hear(order)
