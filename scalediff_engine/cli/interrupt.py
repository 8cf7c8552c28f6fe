"""Ctrl-C at any moment: out at once while nothing is begun, an ordinary exception after that.

A handler in Python runs only when the main thread returns from native code, which may take as long
as a step. A thread that the system wakes answers meanwhile.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from types import FrameType
from typing import NoReturn

EXIT_CODE = 130
# An orderly end that takes longer than this after another interrupt is cut short.
_GRACE_S = 2.0


class Answer(Enum):
    """What an interrupt does."""

    LEAVE = "leave"  # nothing to clean up: say so and end the process
    RAISE = "raise"  # something to clean up: KeyboardInterrupt
    HOLD = "hold"  # in the midst of a rename: the first waits, a second raises
    IGNORE = "ignore"  # already leaving


def _say_nothing() -> None: ...


@dataclass
class Interrupts:
    """Turns SIGINT, SIGTERM and SIGHUP into one orderly end.

    An exception inside an import or a native library's start-up may be swallowed there, or take the
    process down with a traceback; at those moments nothing has been written, so the process ends
    on the spot.

    Attributes:
        before_leaving: says the last words; must not use buffered streams
        announce: says that the first interrupt was understood; must not use buffered streams
        happened: an interrupt came, whoever may have swallowed the exception
    """

    before_leaving: Callable[[], None] = field(default=_say_nothing)
    announce: Callable[[], None] = field(default=_say_nothing)
    happened: bool = False
    answer: Answer = Answer.LEAVE
    # held from the moment that somebody begins to end the process
    _end: threading.Lock = field(default_factory=threading.Lock)
    _announcement: threading.RLock = field(default_factory=threading.RLock)
    _is_announced: bool = False

    def install(self) -> None:
        """Take over the signals, except those that the caller's shell has switched off."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    @contextmanager
    def watched(self) -> Generator[None]:
        """Answer at once, whatever the main thread is doing."""
        near, far = socket.socketpair()
        far.setblocking(False)
        try:
            before = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
        except ValueError:  # not in the main thread, which alone hears signals
            before = None
        watcher = threading.Thread(target=self._watch, args=(near,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            if before is not None:
                signal.set_wakeup_fd(before)
            far.close()
            watcher.join()
            near.close()

    def leave_orderly(self) -> None:
        """Ignore interrupts from now on; never returns if the process is being ended already."""
        self._end.acquire()  # never released
        self.answer = Answer.IGNORE

    @contextmanager
    def held(self) -> Generator[None]:
        """Let what must not be cut in two come to its end first.

        Raises:
            KeyboardInterrupt: at the end, if an interrupt came meanwhile.
        """
        before = self.answer
        self.answer = Answer.HOLD
        try:
            yield
        finally:
            self.answer = before
        if self.happened:
            raise KeyboardInterrupt

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.answer is Answer.IGNORE:
            return
        first, self.happened = not self.happened, True
        if first and self.answer is not Answer.LEAVE:
            self._announce_once()
        if self.answer is Answer.HOLD and first:
            return
        if self.answer is Answer.LEAVE:
            self._leave()
        raise KeyboardInterrupt

    def _watch(self, near: socket.socket) -> None:
        count = 0
        while near.recv(1):
            count += 1
            if self.answer is Answer.IGNORE:
                # the end is near; but not later than this
                threading.Timer(_GRACE_S, os._exit, (EXIT_CODE,)).start()
                return
            if self.answer is Answer.LEAVE or count > (2 if self.answer is Answer.HOLD else 1):
                if self._end.acquire(blocking=False):
                    self._exit()
                return
            self._announce_once()

    def _announce_once(self) -> None:
        """Announce, or wait until another thread has: what follows must come after it."""
        with self._announcement:
            if not self._is_announced:
                self._is_announced = True
                self.announce()

    def _leave(self) -> NoReturn:
        self._end.acquire()
        self._exit()

    def _exit(self) -> NoReturn:
        self.answer = Answer.IGNORE
        with suppress(Exception):
            self.before_leaving()
        os._exit(EXIT_CODE)


# Each command gives the work as a function: the parser is out of the way when it starts, and cannot
# turn its errors into something else.
Action = Callable[[Interrupts], int]
