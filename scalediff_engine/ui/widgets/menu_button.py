"""A button that opens a menu of other windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QToolButton

from scalediff_engine.ui.language import translate


class Way(NamedTuple):
    """An entry.

    Attributes:
        title: of the entry
        key: that opens it too; empty = none
        act: opens it
    """

    title: str
    key: str
    act: Callable[[], object]


class MenuButton(QToolButton):
    """Opens ways elsewhere; their keys work while the menu is closed, too.

    Args:
        ways: in their order
    """

    def __init__(self, ways: Sequence[Way]) -> None:
        super().__init__()
        self.setText("☰")
        self.setToolTip(translate("Window", "Other windows (F10)"))
        self.setAccessibleName(translate("Window", "Other windows"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.setShortcut(QKeySequence("F10"))
        menu = QMenu(self)
        for way in ways:
            action = menu.addAction(way.title)
            if way.key:
                action.setShortcut(QKeySequence(way.key))
            action.triggered.connect(lambda _=False, act=way.act: act())
        self.setMenu(menu)
