"""One of the windows beside the upscale, opened by itself: models, recent results, first start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget

from scalediff_engine.client.places import Places, default_home
from scalediff_engine.ui.attachment import attach
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.finding import Finder
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.later import qt_later
from scalediff_engine.ui.look import dress
from scalediff_engine.ui.opening import Room, RoomOpening
from scalediff_engine.ui.recent.model import RecentModel
from scalediff_engine.ui.rooms import Rooms
from scalediff_engine.ui.workers import Workers


class RoomRunning:
    """A window that is put together; owns what must live as long as it does.

    Args:
        app: of Qt
        opening: what it is for
        home: the engine's folder; none = as the engine says, or the user's own
        theme: one of ``colours.THEMES``; none = as the host or the desktop
        files: how pictures are written
        stdin: descriptor whose end means the session's end; none = nobody waits
        on_end: called when it is over
    """

    def __init__(
        self,
        app: QApplication,
        opening: RoomOpening,
        home: Path | None,
        theme: str | None,
        files: PictureFiles,
        stdin: int | None,
        on_end: Callable[[], None],
    ) -> None:
        session = opening.session
        told = None if session is None else session.engine
        said = None if session is None else session.home
        host_theme = None if session is None else session.theme
        home = home or said or default_home()
        self._finder = Finder(Places(home), told)
        self._on_end = on_end
        self._opening = opening
        self._stdin = stdin
        self._files = files
        self._workers = Workers()
        self.gateway = Gateway(self._finder.client(), self._workers, self._finder.is_there)
        look = dress(app, theme, host_theme)
        self.rooms = Rooms(self.gateway, self._workers, look, files, home)
        self.recent: RecentModel | None = None
        self.window: QWidget | None = None

    def begin(self) -> None:
        """Show the window."""
        match self._opening.room:
            case Room.MODELS:
                window = self.rooms.models()
                window.ended.add(self._over)
            case Room.WELCOME:
                window = self.rooms.welcome()
                window.ended.add(self._over)
            case Room.RECENT:
                window = self._begin_recent()
        self.window = window

    def close(self) -> None:
        """Let go of everything."""
        self.rooms.close()
        self._workers.close()
        self.gateway.close()

    def _begin_recent(self) -> QWidget:
        session = self._opening.session
        model = self.recent = RecentModel(
            self.gateway,
            qt_later,
            self._files,
            self._workers,
            None if session is None else session.session,
        )
        model.ended.add(self._over)
        window = self.rooms.recent(model)
        if session is not None and session.engine is not None and self._stdin is not None:
            attach(
                self._workers,
                self._stdin,
                self._finder,
                session.engine,
                session.session,
                over=model.end,
                lost=model.session_lost,
            )
        return window

    def _over(self) -> None:
        self.close()
        self._on_end()
