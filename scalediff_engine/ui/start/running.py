"""Puts the window together that asks what is to be upscaled, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtWidgets import QApplication

from scalediff_engine.client.places import Places, default_home
from scalediff_engine.ui.finding import Finder
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.look import dress
from scalediff_engine.ui.opening import Opening, opening_of
from scalediff_engine.ui.rooms import Rooms
from scalediff_engine.ui.start.window import StartWindow
from scalediff_engine.ui.workers import Workers

if TYPE_CHECKING:
    from scalediff_engine.ui.app import Options


class Dialog(Protocol):
    """What comes after it."""

    def begin(self) -> None:
        """Show its window."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class StartRunning:
    """Asks what is to be upscaled, and opens the dialog for it.

    Args:
        app: of Qt
        options: of the dialog
        open_next: puts the dialog together that what was chosen is for
        on_end: called when nothing is to be upscaled
    """

    def __init__(
        self,
        app: QApplication,
        options: Options,
        open_next: Callable[[Opening], Dialog],
        on_end: Callable[[], None],
    ) -> None:
        home = options.home or default_home()
        finder = Finder(Places(home))
        self._welcomes = options.welcomes
        self._open_next = open_next
        self._on_end = on_end
        self._is_closed = False
        self._workers = Workers()
        self.gateway = Gateway(finder.client(), self._workers, finder.is_there)
        look = dress(app, options.theme)
        self.rooms = Rooms(self.gateway, self._workers, look, options.files, home)
        self.window = StartWindow(look)
        self.window.offer(self.rooms.ways(self.window))
        self.window.chosen.add(self._go_on)
        self.window.ended.add(self._over)
        self.next: Dialog | None = None

    def begin(self) -> None:
        """Show the window."""
        self.window.show()
        if self._welcomes:
            self.rooms.welcome_once(self.window)

    def close(self) -> None:
        """Let go of everything."""
        self._close_own()
        if self.next is not None:
            self.next.close()

    def _go_on(self, paths: list[Path]) -> None:
        if self.next is None:
            self.next = self._open_next(opening_of(paths))
            self.next.begin()
            self.window.leave()
            self._close_own()

    def _close_own(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.rooms.close()
            self._workers.close()
            self.gateway.close()

    def _over(self) -> None:
        self.close()
        self._on_end()
