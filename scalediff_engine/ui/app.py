"""Puts a dialog together and runs it until it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from scalediff_engine.client.messages import Purpose
from scalediff_engine.client.places import Places, default_home
from scalediff_engine.ui import icons, language
from scalediff_engine.ui.attachment import attach
from scalediff_engine.ui.collecting import Collector
from scalediff_engine.ui.dialog import DialogModel
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.finding import Finder
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.interrupted import Interrupted
from scalediff_engine.ui.later import qt_later
from scalediff_engine.ui.look import dress
from scalediff_engine.ui.notify import TrayNotifier
from scalediff_engine.ui.opening import (
    FileOpening,
    FolderOpening,
    Opening,
    Room,
    RoomOpening,
    SessionOpening,
    StartOpening,
)
from scalediff_engine.ui.origin import FileOrigin, Origin, SessionOrigin
from scalediff_engine.ui.rooms import Rooms
from scalediff_engine.ui.upscale import remembered
from scalediff_engine.ui.window import UpscaleWindow
from scalediff_engine.ui.workers import Workers

if TYPE_CHECKING:
    from scalediff_engine.ui.folder.running import FolderRunning
    from scalediff_engine.ui.room_running import RoomRunning
    from scalediff_engine.ui.start.running import StartRunning

# A thread that reckons gives way to the window this often.
_SWITCH_SECONDS = 0.001
INTERRUPTED = 130


@dataclass(frozen=True)
class Options:
    """What a dialog is told besides what it is for.

    Attributes:
        home: the engine's folder; none = the user's own
        theme: one of ``colours.THEMES``; none = as the host or the desktop
        files: how pictures are read and written
        stdin: descriptor whose end means the session's end; none = nobody waits
        welcomes: whether the pages of the first start are shown, if they never were
    """

    home: Path | None = None
    theme: str | None = None
    files: PictureFiles = field(default_factory=PictureFiles)
    stdin: int | None = None
    welcomes: bool = False


class Running:
    """A dialog that is put together; owns what must live as long as it does.

    Args:
        app: of Qt
        opening: what it is for
        options: see above
        on_end: called when it is over
    """

    def __init__(
        self,
        app: QApplication,
        opening: FileOpening | SessionOpening,
        options: Options,
        on_end: Callable[[], None],
    ) -> None:
        told, said, host_theme = None, None, None
        if isinstance(opening, SessionOpening):
            told, said, host_theme = opening.engine, opening.home, opening.theme
        home = options.home or said or default_home()
        finder = self._finder = Finder(Places(home), told)
        self._on_end = on_end
        self._workers = Workers()
        self.gateway = Gateway(finder.client(), self._workers, finder.is_there)
        file = remembered.file_in(home)
        origin: Origin = (
            SessionOrigin(self.gateway, opening.session)
            if isinstance(opening, SessionOpening)
            else FileOrigin(opening.file, options.files, self._workers)
        )
        self.dialog = DialogModel(
            self.gateway,
            qt_later,
            origin,
            remembered.load(file),
            lambda memory: remembered.save(memory, file),
            self._workers,
        )
        look = dress(app, options.theme, host_theme)
        notifier = TrayNotifier(icons.sparkle(look.colours.focus))
        self.window = UpscaleWindow(self.dialog, look, notifier)
        self.rooms = Rooms(self.gateway, self._workers, look, options.files, home)
        self.rooms.models_changed.add(self._look_again)
        self.rooms.model_taken.add(self.dialog.prefer)
        self.window.offer(self.rooms.ways(self.window))
        self._welcomes = options.welcomes
        self.dialog.ended.add(self._over)
        self._opening = opening
        self._stdin = options.stdin

    def begin(self) -> None:
        """Show the window and get the picture."""
        self.window.show()
        self.dialog.begin()
        if self._welcomes:
            self.rooms.welcome_once(self.window)
        opening = self._opening
        if self._stdin is None or not isinstance(opening, SessionOpening):
            return
        if opening.engine is not None:
            attach(
                self._workers,
                self._stdin,
                self._finder,
                opening.engine,
                opening.session,
                over=self.dialog.session_ended,
                lost=self.dialog.session_lost,
            )

    def close(self) -> None:
        """Let go of everything."""
        self.rooms.close()
        self.dialog.close()
        self._workers.close()
        self.gateway.close()

    def _look_again(self) -> None:
        if self.dialog.upscale is not None:
            self.dialog.upscale.look_again()

    def _over(self) -> None:
        self.close()
        self._on_end()


def _put_together(
    app: QApplication, opening: Opening, options: Options, on_end: Callable[[], None]
) -> Running | FolderRunning | RoomRunning | StartRunning:
    if isinstance(opening, SessionOpening) and opening.purpose is Purpose.RECENT:
        opening = RoomOpening(Room.RECENT, opening)
    if isinstance(opening, RoomOpening):
        from scalediff_engine.ui.room_running import RoomRunning

        return RoomRunning(
            app, opening, options.home, options.theme, options.files, options.stdin, on_end
        )
    if isinstance(opening, StartOpening):
        from scalediff_engine.ui.start.running import StartRunning

        return StartRunning(
            app, options, lambda chosen: _put_together(app, chosen, options, on_end), on_end
        )
    if not isinstance(opening, FolderOpening):
        return Running(app, opening, options, on_end)
    from scalediff_engine.ui.folder.running import FolderRunning

    return FolderRunning(app, opening, options, on_end)


def run(opening: Opening, options: Options | None = None) -> int:
    """Show a dialog until it ends; gives the exit code."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    QGuiApplication.setApplicationDisplayName("ScaleDiff")
    QGuiApplication.setDesktopFileName("scalediff")
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    spoken = opening.language if isinstance(opening, SessionOpening) else None
    locale = language.locale_for(spoken)
    QLocale.setDefault(locale)
    translators = language.install(app, locale)
    # not `quit`, which asks the window first
    running = _put_together(app, opening, options or Options(), lambda: app.exit(0))
    interrupted = Interrupted(lambda: app.exit(INTERRUPTED))
    running.begin()
    collector = Collector()
    code = app.exec()
    collector.close()
    interrupted.close()
    running.close()
    del translators
    return code
