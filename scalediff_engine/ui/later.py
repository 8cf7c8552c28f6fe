"""Something that happens after a while: what models ask for, and how Qt does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QTimer

from scalediff_engine.ui.ticket import Ticket


class Later(Protocol):
    """Calls a function once, after some time, unless its ticket is cancelled."""

    def __call__(self, delay_ms: int, action: Callable[[], None], /) -> Ticket:
        """Give the ticket."""
        ...


def qt_later(delay_ms: int, action: Callable[[], None]) -> Ticket:
    """Call ``action`` from Qt's event loop; see ``Later``."""
    ticket = Ticket()

    def act() -> None:
        if not ticket.is_cancelled:
            action()

    QTimer.singleShot(delay_ms, act)
    return ticket
