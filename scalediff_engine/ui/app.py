"""Puts the dialogs together and runs one until it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QLocale
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from scalediff_engine.client.messages import Purpose
from scalediff_engine.ui import language
from scalediff_engine.ui.context import ApplicationContext, Options
from scalediff_engine.ui.dialog import DialogModel
from scalediff_engine.ui.event_loop import Collector, Interrupted
from scalediff_engine.ui.origin import (
    FileOpening,
    FileOrigin,
    FolderOpening,
    Opening,
    Origin,
    Room,
    RoomOpening,
    SessionOpening,
    SessionOrigin,
    StartOpening,
    opening_of,
)
from scalediff_engine.ui.recent.model import RecentModel
from scalediff_engine.ui.start_window import StartWindow
from scalediff_engine.ui.upscale import remembered
from scalediff_engine.ui.window import UpscaleWindow
from scalediff_engine.ui.window_base import open_at_its_size
from scalediff_engine.ui.workers import Workers, qt_later

# A thread that reckons gives way to the window this often.
_SWITCH_SECONDS = 0.001
INTERRUPTED = 130


class DialogApp:
    """A dialog that is put together; owns what must live as long as it does.

    Args:
        context: of its windows
        on_end: called when it is over
    """

    def __init__(self, context: ApplicationContext, on_end: Callable[[], None]) -> None:
        self.context = context
        self._on_end = on_end

    def begin(self) -> None:
        """Show the window."""
        raise NotImplementedError

    def welcome(self, parent: QWidget) -> None:
        """Show the pages of the first start, if that is wanted and they were never seen."""
        if self.context.options.welcomes:
            self.context.rooms.welcome_once(parent)

    def close(self) -> None:
        """Let go of everything."""
        self.context.close()

    def end(self) -> None:
        """Be over."""
        self.close()
        self._on_end()


class UpscaleApp(DialogApp):
    """The upscale of a file, or of an editor's layer."""

    def __init__(
        self,
        app: QApplication,
        opening: FileOpening | SessionOpening,
        options: Options,
        on_end: Callable[[], None],
    ) -> None:
        session = opening if isinstance(opening, SessionOpening) else None
        context = ApplicationContext(app, options, session)
        super().__init__(context, on_end)
        file = remembered.file_in(context.home)
        origin: Origin = (
            SessionOrigin(context.gateway, opening.session)
            if isinstance(opening, SessionOpening)
            else FileOrigin(opening.file, options.files, context.workers)
        )
        self.dialog = DialogModel(
            context.gateway,
            qt_later,
            origin,
            remembered.load(file),
            lambda memory: remembered.save(memory, file),
            context.workers,
        )
        self.window = UpscaleWindow(self.dialog, context.look, context.notifier)
        context.rooms.models_changed.add(self._look_again)
        context.rooms.model_taken.add(self.dialog.prefer)
        self.window.offer(context.rooms.ways(self.window))
        self.dialog.ended.add(self.end)

    def begin(self) -> None:
        """Show the window and get the picture."""
        self.window.show()
        self.dialog.begin()
        self.welcome(self.window)
        self.context.watch_session(self.dialog.session_ended, self.dialog.session_lost)

    def close(self) -> None:
        """Let go of everything."""
        self.dialog.close()
        super().close()

    def _look_again(self) -> None:
        if self.dialog.upscale is not None:
            self.dialog.upscale.look_again()


class FolderApp(DialogApp):
    """The upscale of many files."""

    def __init__(
        self,
        app: QApplication,
        opening: FolderOpening,
        options: Options,
        on_end: Callable[[], None],
    ) -> None:
        # an editor's dialog opens sooner without these
        from scalediff_engine.batch.naming import Destination
        from scalediff_engine.ui.folder.batch_model import BatchGateway
        from scalediff_engine.ui.folder.model import FolderModel
        from scalediff_engine.ui.folder.settings import (
            destination_file,
            load_destination,
            save_destination,
        )
        from scalediff_engine.ui.folder.window import FolderWindow

        context = ApplicationContext(app, options)
        super().__init__(context, on_end)
        # small pictures must not wait behind the engine's answers, nor those behind them
        self._painters = Workers(2)
        settings, destination = (
            remembered.file_in(context.home),
            destination_file(context.home),
        )

        def keep(memory: remembered.Memory, chosen: Destination) -> None:
            remembered.save(memory, settings)
            save_destination(chosen, destination)

        self.dialog = FolderModel(
            context.gateway,
            BatchGateway(context.client.for_batches(), context.workers),
            qt_later,
            context.workers,
            opening.paths,
            remembered.load(settings),
            keep,
            load_destination(destination),
        )
        self.window = FolderWindow(self.dialog, context.look, context.notifier, self._painters)
        context.rooms.models_changed.add(self.dialog.upscale.look_again)
        context.rooms.model_taken.add(self.dialog.upscale.prefer)
        self.window.offer(context.rooms.ways(self.window))
        self.dialog.ended.add(self.end)

    def begin(self) -> None:
        """Show the window and look for pictures."""
        open_at_its_size(self.window)
        self.window.show()
        self.dialog.begin()
        self.welcome(self.window)

    def close(self) -> None:
        """Let go of everything."""
        self.dialog.close()
        self.window.thumbnails.close()
        self._painters.close()
        super().close()


class RoomApp(DialogApp):
    """One of the windows beside the upscale, opened by itself."""

    def __init__(
        self,
        app: QApplication,
        opening: RoomOpening,
        options: Options,
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(ApplicationContext(app, options, opening.session), on_end)
        self._opening = opening
        self.recent: RecentModel | None = None
        self.window: QWidget | None = None

    def begin(self) -> None:
        """Show the window."""
        match self._opening.room:
            case Room.MODELS:
                self.window = window = self.context.rooms.models()
                window.ended.add(self.end)
            case Room.WELCOME:
                self.window = window = self.context.rooms.welcome()
                window.ended.add(self.end)
            case Room.RECENT:
                self._begin_recent()

    def _begin_recent(self) -> None:
        context, session = self.context, self._opening.session
        model = self.recent = RecentModel(
            context.gateway,
            qt_later,
            context.options.files,
            context.workers,
            None if session is None else session.session,
        )
        model.ended.add(self.end)
        self.window = context.rooms.recent(model)
        context.watch_session(model.end, model.session_lost)


class StartApp(DialogApp):
    """Asks what is to be upscaled, and opens the dialog for it."""

    def __init__(self, app: QApplication, options: Options, on_end: Callable[[], None]) -> None:
        super().__init__(ApplicationContext(app, options), on_end)
        self._app = app
        self.window = StartWindow(self.context.look)
        self.window.offer(self.context.rooms.ways(self.window))
        self.window.chosen.add(self._go_on)
        self.window.ended.add(self.end)
        self.next: DialogApp | None = None

    def begin(self) -> None:
        """Show the window."""
        self.window.show()
        self.welcome(self.window)

    def close(self) -> None:
        """Let go of everything."""
        super().close()
        if self.next is not None:
            self.next.close()

    def _go_on(self, paths: list[Path]) -> None:
        if self.next is None:
            self.next = open_dialog(
                self._app, opening_of(paths), self.context.options, self._on_end
            )
            self.next.begin()
            self.window.leave()
            self.context.close()


def open_dialog(
    app: QApplication, opening: Opening, options: Options, on_end: Callable[[], None]
) -> DialogApp:
    """Put the dialog together that this is for; ``on_end`` is called when it is over."""
    if isinstance(opening, SessionOpening) and opening.purpose is Purpose.RECENT:
        opening = RoomOpening(Room.RECENT, opening)
    match opening:
        case RoomOpening():
            return RoomApp(app, opening, options, on_end)
        case StartOpening():
            return StartApp(app, options, on_end)
        case FolderOpening():
            return FolderApp(app, opening, options, on_end)
        case _:
            return UpscaleApp(app, opening, options, on_end)


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
    running = open_dialog(app, opening, options or Options(), lambda: app.exit(0))
    interrupted = Interrupted(lambda: app.exit(INTERRUPTED))
    running.begin()
    collector = Collector()
    code = app.exec()
    collector.close()
    interrupted.close()
    running.close()
    del translators
    return code
