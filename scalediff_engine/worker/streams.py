"""The worker's two private streams, out of reach of whatever a library reads or prints."""

from __future__ import annotations

import os
import threading
import time
from typing import BinaryIO

from scalediff_engine.jobs import protocol
from scalediff_engine.jobs.protocol import Alive

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

    def tell(self, message: protocol.News) -> None:
        """Send a message; if nobody listens any more, the process ends here."""
        line = memoryview(protocol.to_line(message))
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
