"""Signals and garbage collection while Qt's event loop runs.

Python would only hear of a signal at its next step, while Qt waits. It collects garbage in whatever
thread asks for memory next, and a widget that another thread lets go of ends the program. A full
collection of all there is would also keep people waiting for 60 ms.
"""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier, QTimer

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_INTERVAL_MS = 500
_FULL_EVERY = 120  # times


class Interrupted(QObject):
    """Calls ``on_signal`` in the event loop when the program is told to end."""

    def __init__(self, on_signal: Callable[[], None]) -> None:
        super().__init__()
        self._on_signal = on_signal
        self._near, self._far = socket.socketpair()
        for end in (self._near, self._far):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._near.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._far.fileno(), warn_on_full_buffer=False)

    def close(self) -> None:
        """Hear nothing any more."""
        signal.set_wakeup_fd(-1)
        self._notifier.setEnabled(False)
        self._near.close()
        self._far.close()

    def _wake(self) -> None:
        try:
            self._near.recv(64)
        except BlockingIOError:
            return
        self._on_signal()


class Collector(QObject):
    """Collects for as long as it lives; made in the UI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.collect()
        gc.freeze()  # what is there by now stays, and need not be looked at again
        gc.disable()
        self._times = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._collect)
        self._timer.start()

    def close(self) -> None:
        """Let Python collect by itself again."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def _collect(self) -> None:
        self._times += 1
        gc.collect(2 if self._times % _FULL_EVERY == 0 else 1)
