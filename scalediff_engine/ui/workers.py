"""Work in threads and after a while; what comes of it arrives in the UI thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer

T = TypeVar("T")
V = TypeVar("V")
_log = logging.getLogger(__name__)


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


# Calls a function once, after some milliseconds, unless the ticket is cancelled.
Later = Callable[[int, Callable[[], None]], Ticket]


def qt_later(delay_ms: int, action: Callable[[], None]) -> Ticket:
    """Call ``action`` from Qt's event loop."""
    ticket = Ticket()

    def act() -> None:
        if not ticket.is_cancelled:
            action()

    QTimer.singleShot(delay_ms, act)
    return ticket


class Workers(QObject):
    """Runs functions in threads and hands over what they give, in the thread that made this.

    The threads do not keep the program from ending.

    Args:
        count: of threads for short work; ``follow`` has one of its own each time
    """

    def __init__(self, count: int = 3) -> None:
        super().__init__()
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._count = count
        self._is_closed = False
        self._arrived: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        for index in range(count):
            threading.Thread(target=self._work, name=f"ui-worker-{index}", daemon=True).start()

    def run(
        self,
        work: Callable[[Ticket], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> Ticket:
        """Run ``work`` as soon as a thread is free.

        Args:
            work: gets the ticket, to look now and then whether it is still wanted
            done: gets what came of it
            failed: gets the error
        """
        ticket = Ticket()
        self._waiting.put(lambda: self._run(ticket, work, done, failed))
        return ticket

    def follow(
        self,
        work: Callable[[Ticket, Callable[[V], None]], None],
        tell: Callable[[V], None],
        done: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> Ticket:
        """Run something long that says something now and then.

        Args:
            work: gets the ticket and a function that takes what it has to say
            tell: gets that
            done: is called at the end
            failed: gets the error
        """
        ticket = Ticket()

        def say(value: V) -> None:
            self._hand_over(ticket, lambda: tell(value))

        def all_of_it(ticket: Ticket) -> None:
            work(ticket, say)

        threading.Thread(
            target=lambda: self._run(ticket, all_of_it, lambda _: done(), failed),
            name="ui-follow",
            daemon=True,
        ).start()
        return ticket

    def close(self) -> None:
        """Hand nothing over any more, and let the threads end after what they do."""
        self._is_closed = True
        for _ in range(self._count):
            self._waiting.put(None)

    def _work(self) -> None:
        while (action := self._waiting.get()) is not None:
            action()

    def _run(
        self,
        ticket: Ticket,
        work: Callable[[Ticket], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        if ticket.is_cancelled:
            return
        try:
            value = work(ticket)
        except Exception as error:  # noqa: BLE001 - the outermost layer of a thread
            caught = error
            self._hand_over(ticket, lambda: failed(caught))
            return
        self._hand_over(ticket, lambda: done(value))

    def _hand_over(self, ticket: Ticket, action: Callable[[], None]) -> None:
        def act() -> None:
            if not ticket.is_cancelled:
                action()

        if self._is_closed or ticket.is_cancelled:
            return
        try:
            self._arrived.put(act)
            QCoreApplication.postEvent(self, QEvent(QEvent.Type.User))
        except RuntimeError:  # Qt's half of it is gone: the program ends
            _log.debug("Something arrived after the end")

    def event(self, event: QEvent) -> bool:
        """Take what has arrived, one for each event."""
        if event.type() != QEvent.Type.User:
            return super().event(event)
        with suppress(queue.Empty):
            action = self._arrived.get_nowait()
            if not self._is_closed:
                action()
        return True
