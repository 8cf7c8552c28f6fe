"""How large a window is when it opens."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget


def open_at_its_size(window: QWidget) -> None:
    """Give a window the size that it would like, as far as the screen has room.

    Qt by itself takes one with wrapped texts for lower than it should be. The application is asked
    for the screen: the wrapper that a window gives of its own takes the screen along when the
    window is collected (PySide6 6.11).
    """
    wanted = window.sizeHint()
    screen = QGuiApplication.primaryScreen()
    window.resize(wanted.boundedTo(screen.availableSize()))
