"""Who wants to know when something has happened; without Qt, so that models need none.

Widgets use it too in place of signals of their own: one way to tell things, with types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Observers:
    """Functions that are called, in their order, when something has changed."""

    def __init__(self) -> None:
        self._observers: list[Callable[[], object]] = []

    def add(self, observer: Callable[[], object]) -> None:
        """Call ``observer`` from now on."""
        self._observers.append(observer)

    def tell(self) -> None:
        """Call them all."""
        for observer in tuple(self._observers):
            observer()


class Listeners(Generic[T]):
    """As ``Observers``, with something to tell."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[T], object]] = []

    def add(self, listener: Callable[[T], object]) -> None:
        """Call ``listener`` from now on."""
        self._listeners.append(listener)

    def tell(self, value: T) -> None:
        """Call them all."""
        for listener in tuple(self._listeners):
            listener(value)
