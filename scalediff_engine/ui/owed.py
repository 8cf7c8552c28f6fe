"""What the engine must have heard before the program may end."""

from __future__ import annotations

from collections.abc import Callable


class Owed:
    """Counts what is under way, and calls somebody when nothing is any more."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[Callable[[], None]] = []

    def add(self) -> Callable[[], None]:
        """Owe something; gives what is to be called once, when it is done or cannot be."""
        self._count += 1
        is_paid = False

        def pay() -> None:
            nonlocal is_paid
            if not is_paid:
                is_paid = True
                self._count -= 1
                self._settle()

        return pay

    def then(self, action: Callable[[], None]) -> None:
        """Call ``action`` when nothing is owed: at once, or later."""
        self._waiting.append(action)
        self._settle()

    def _settle(self) -> None:
        if self._count == 0:
            waiting, self._waiting = self._waiting, []
            for action in waiting:
                action()
