"""What the windows of a dialog's process share, and the windows beside the main one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from PySide6.QtWidgets import QApplication, QWidget

from scalediff_engine.base.editors import find_hosts, this_computer
from scalediff_engine.client.places import Places, default_home
from scalediff_engine.ui import icons
from scalediff_engine.ui.engine_locator import Finder, attach
from scalediff_engine.ui.event_loop import TrayNotifier
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look, dress
from scalediff_engine.ui.models.model import ModelsModel
from scalediff_engine.ui.models.window import ModelsWindow
from scalediff_engine.ui.observers import Listeners, Observers
from scalediff_engine.ui.origin import SessionOpening
from scalediff_engine.ui.recent.model import RecentModel
from scalediff_engine.ui.recent.window import RecentWindow
from scalediff_engine.ui.upscale import remembered
from scalediff_engine.ui.welcome.model import (
    WelcomeModel,
    mark_welcome_seen,
    was_welcome_seen,
)
from scalediff_engine.ui.welcome.window import WelcomeWindow
from scalediff_engine.ui.window_base import Way
from scalediff_engine.ui.workers import Workers, qt_later

Window = TypeVar("Window", bound=QWidget)


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


class ApplicationContext:
    """What the windows of a dialog share.

    Args:
        app: of Qt
        options: of the dialog
        session: of the editor that it is for; none = of nobody

    Attributes:
        options: as above
        home: the engine's folder
        workers: threads
        client: of the engine
        gateway: to the engine
        look: that was put on
        notifier: for results that come while the window is away
        rooms: the windows beside the main one
    """

    def __init__(
        self, app: QApplication, options: Options, session: SessionOpening | None = None
    ) -> None:
        self._session = session
        self._is_closed = False
        said = None if session is None else session.home
        self.options = options
        self.home = options.home or said or default_home()
        self._finder = Finder(Places(self.home), None if session is None else session.engine)
        self.workers = Workers()
        self.client = self._finder.client()
        self.gateway = Gateway(self.client, self.workers, self._finder.is_there)
        self.look = dress(app, options.theme, None if session is None else session.theme)
        self.notifier = TrayNotifier(icons.sparkle(self.look.colours.focus))
        self.rooms = Rooms(self.gateway, self.workers, self.look, options.files, self.home)

    def watch_session(self, over: Callable[[], None], lost: Callable[[], None]) -> None:
        """Wait for the end of the editor's session, if there is one; see ``attach``."""
        session, stdin = self._session, self.options.stdin
        if session is not None and session.engine is not None and stdin is not None:
            told = (session.engine, session.session)
            attach(self.workers, stdin, self._finder, *told, over=over, lost=lost)

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self.rooms.close()
            self.workers.close()
            self.gateway.close()


class Rooms:
    """Opens windows and keeps them.

    Args:
        gateway: to the engine
        workers: threads
        look: that was put on
        files: writes pictures
        home: the engine's folder

    Attributes:
        models_changed: told when the models dialog was closed: there may be others now
        model_taken: told which model was chosen on the pages of the first start
    """

    def __init__(
        self, gateway: Gateway, workers: Workers, look: Look, files: PictureFiles, home: Path
    ) -> None:
        self._gateway = gateway
        self._workers = workers
        self._look = look
        self._files = files
        self._home = home
        self._open: dict[str, QWidget] = {}
        self._closings: list[Callable[[], None]] = []
        self.models_changed = Observers()
        self.model_taken: Listeners[str] = Listeners()

    def models(self) -> ModelsWindow:
        """Open the models dialog, or bring it to the front."""
        known = self._open.get("models")
        if isinstance(known, ModelsWindow):
            return _to_front(known)
        model = ModelsModel(self._gateway, qt_later)
        window = ModelsWindow(model, self._look)
        self._keep("models", window, model.close)
        window.ended.add(lambda: self._open.pop("models", None))
        window.ended.add(self.models_changed.tell)
        window.show()
        model.begin()
        return window

    def recent(self, model: RecentModel | None = None) -> RecentWindow:
        """Open the recent results, or bring them to the front.

        Args:
            model: of an editor's session; none = nobody waits for a result
        """
        known = self._open.get("recent")
        if isinstance(known, RecentWindow):
            return _to_front(known)
        found = model or RecentModel(self._gateway, qt_later, self._files, self._workers)
        window = RecentWindow(found, self._look)
        self._keep("recent", window, found.close)
        found.ended.add(lambda: self._open.pop("recent", None))
        window.show()
        found.begin()
        return window

    def welcome(self, parent: QWidget | None = None) -> WelcomeWindow:
        """Show the pages of the first start, or bring them to the front."""
        known = self._open.get("welcome")
        if isinstance(known, WelcomeWindow):
            return _to_front(known)
        model = WelcomeModel(
            self._gateway,
            qt_later,
            find_hosts(this_computer()),
            self._take,
            lambda: mark_welcome_seen(self._home),
        )
        window = WelcomeWindow(model, self._look, parent)
        self._keep("welcome", window, model.leave)
        model.ended.add(lambda: self._open.pop("welcome", None))
        window.show()
        model.begin()
        return window

    def ways(self, parent: QWidget) -> tuple[Way, ...]:
        """Give the entries of a menu in another window."""
        return (
            Way(translate("Window", "&Models…"), "Ctrl+M", self.models),
            Way(translate("Window", "&Recent results…"), "Ctrl+R", self.recent),
            Way(translate("Window", "&First steps…"), "", lambda: self.welcome(parent)),
        )

    def welcome_once(self, parent: QWidget | None = None) -> None:
        """Show the pages unless they were shown before."""
        if not was_welcome_seen(self._home):
            self.welcome(parent)

    def close(self) -> None:
        """Close all of them."""
        for window in tuple(self._open.values()):
            window.hide()
        for closing in self._closings:
            closing()

    def _keep(self, name: str, window: QWidget, closing: Callable[[], None]) -> None:
        self._open[name] = window
        self._closings.append(closing)

    def _take(self, model: str) -> None:
        file = remembered.file_in(self._home)
        remembered.save(replace(remembered.load(file), model=model), file)
        self.model_taken.tell(model)


def _to_front(window: Window) -> Window:
    window.showNormal()
    window.raise_()
    window.activateWindow()
    return window
