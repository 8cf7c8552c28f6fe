"""Garbage collection in the UI thread alone, in small pieces.

Python collects in whatever thread asks for memory next, and a widget that another thread lets go of
ends the program. A full collection of all there is would also keep people waiting for 60 ms.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MS = 500
_FULL_EVERY = 120  # times


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
