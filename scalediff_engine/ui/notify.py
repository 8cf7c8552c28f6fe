"""A message of the system that the result is there, when nobody looks at the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from scalediff_engine.ui.language import translate


class TrayNotifier:
    """Says that something is there, to a user who works elsewhere, by an icon in the system's tray.

    Args:
        icon: of the program
    """

    def __init__(self, icon: QIcon) -> None:
        self._icon = icon
        self._tray: QSystemTrayIcon | None = None

    def begin(self, on_click: Callable[[], None]) -> bool:
        """Be there while the window is not; tells whether the system has a place for that."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return False
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._icon)
            self._tray.activated.connect(lambda _: on_click())
            self._tray.messageClicked.connect(on_click)
        self._tray.setToolTip(translate("Notify", "ScaleDiff is upscaling"))
        self._tray.show()
        return True

    def say(self, title: str, text: str) -> None:
        """Say it."""
        if self._tray is not None:
            self._tray.showMessage(title, text, self._icon)

    def end(self) -> None:
        """Be there no more."""
        if self._tray is not None:
            self._tray.hide()
