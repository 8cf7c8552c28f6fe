"""Puts the folder dialog together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from scalediff_engine.batch.naming import Destination
from scalediff_engine.client.places import Places, default_home
from scalediff_engine.ui import icons
from scalediff_engine.ui.finding import Finder
from scalediff_engine.ui.folder import kept
from scalediff_engine.ui.folder.gateway import BatchGateway
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.folder.window import FolderWindow
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.later import qt_later
from scalediff_engine.ui.look import dress
from scalediff_engine.ui.notify import TrayNotifier
from scalediff_engine.ui.opening import FolderOpening
from scalediff_engine.ui.rooms import Rooms
from scalediff_engine.ui.upscale import remembered
from scalediff_engine.ui.widgets.extent import open_at_its_size
from scalediff_engine.ui.workers import Workers

if TYPE_CHECKING:
    from scalediff_engine.ui.app import Options


class FolderRunning:
    """A folder dialog that is put together; owns what must live as long as it does.

    Args:
        app: of Qt
        opening: what it is for
        options: of the dialog
        on_end: called when it is over
    """

    def __init__(
        self,
        app: QApplication,
        opening: FolderOpening,
        options: Options,
        on_end: Callable[[], None],
    ) -> None:
        home = options.home or default_home()
        finder = Finder(Places(home))
        self._on_end = on_end
        self._workers = Workers()
        # small pictures must not wait behind the engine's answers, nor those behind them
        self._painters = Workers(2)
        client = finder.client()
        self.gateway = Gateway(client, self._workers, finder.is_there)
        settings, destination = remembered.file_in(home), kept.file_in(home)

        def keep(memory: remembered.Memory, chosen: Destination) -> None:
            remembered.save(memory, settings)
            kept.save(chosen, destination)

        self.dialog = FolderModel(
            self.gateway,
            BatchGateway(client.for_batches(), self._workers),
            qt_later,
            self._workers,
            opening.paths,
            remembered.load(settings),
            keep,
            kept.load(destination),
        )
        look = dress(app, options.theme)
        notifier = TrayNotifier(icons.sparkle(look.colours.focus))
        self.window = FolderWindow(self.dialog, look, notifier, self._painters)
        self.rooms = Rooms(self.gateway, self._workers, look, options.files, home)
        self.rooms.models_changed.add(self.dialog.upscale.look_again)
        self.rooms.model_taken.add(self.dialog.upscale.prefer)
        self.window.offer(self.rooms.ways(self.window))
        self._welcomes = options.welcomes
        self.dialog.ended.add(self._over)

    def begin(self) -> None:
        """Show the window and look for pictures."""
        open_at_its_size(self.window)
        self.window.show()
        self.dialog.begin()
        if self._welcomes:
            self.rooms.welcome_once(self.window)

    def close(self) -> None:
        """Let go of everything."""
        self.rooms.close()
        self.dialog.close()
        self.window.thumbnails.close()
        self._painters.close()
        self._workers.close()
        self.gateway.close()

    def _over(self) -> None:
        self.close()
        self._on_end()
