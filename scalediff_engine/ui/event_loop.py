"""Signals, garbage collection and desktop notifications beside Qt's event loop.

Python handles a signal at its next step only, while Qt waits. It collects garbage in any thread
that asks for memory, and a widget freed in another thread ends the program. A full collection would
also block the interface for 60 ms.
"""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from scalediff_engine.ui.language import translate

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


class TrayNotifier:
    """Says that something is there, to a user who works elsewhere, by an icon in the system's tray.

    Args:
        icon: of the program
    """

    def __init__(self, icon: QIcon) -> None:
        self._icon = icon
        self._tray: QSystemTrayIcon | None = None

    def begin(self, on_click: Callable[[], None]) -> bool:
        """Be there while the window is not; tells whether the system has a place for that."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return False
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._icon)
            self._tray.activated.connect(lambda _: on_click())
            self._tray.messageClicked.connect(on_click)
        self._tray.setToolTip(translate("Notify", "ScaleDiff is upscaling"))
        self._tray.show()
        return True

    def say(self, title: str, text: str) -> None:
        """Say it."""
        if self._tray is not None:
            self._tray.showMessage(title, text, self._icon)

    def end(self) -> None:
        """Be there no more."""
        if self._tray is not None:
            self._tray.hide()
