"""Ctrl-C at any moment: out at once while nothing is begun, an ordinary exception after that."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from types import FrameType
from typing import NoReturn

EXIT_CODE = 130


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
        happened: an interrupt came, whoever may have swallowed the exception
    """

    before_leaving: Callable[[], None] = field(default=_say_nothing)
    happened: bool = False
    answer: Answer = Answer.LEAVE

    def install(self) -> None:
        """Take over the signals, except those that the caller's shell has switched off."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

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
        if self.answer is Answer.HOLD and first:
            return
        if self.answer is Answer.LEAVE:
            self._leave()
        raise KeyboardInterrupt

    def _leave(self) -> NoReturn:
        self.answer = Answer.IGNORE
        self.before_leaving()
        os._exit(EXIT_CODE)


# Each command gives the work as a function: the parser is out of the way when it starts, and cannot
# turn its errors into something else.
Action = Callable[[Interrupts], int]
