"""What all windows share: the focus ring, the menu of the other windows, the first size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QApplication,
    QMenu,
    QScrollArea,
    QToolButton,
    QWidget,
)

from scalediff_engine.ui import icons
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look


def open_at_its_size(window: QWidget) -> None:
    """Give a window the size that it would like, as far as the screen has room.

    Qt by itself takes one with wrapped texts for lower than it should be. The application is asked
    for the screen: the wrapper that a window gives of its own takes the screen along when the
    window is collected (PySide6 6.11).
    """
    wanted = window.sizeHint()
    screen = QGuiApplication.primaryScreen()
    window.resize(wanted.boundedTo(screen.availableSize()))


_MARGIN = 3
_MOVES = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Hide)


class FocusRing(QWidget):
    """Lies over a window; follows the focus after Tab, and is gone after a click elsewhere.

    The window says when Tab was pressed. Watching all events of the program would find that out
    too, but each of them would have to pass through here.

    Args:
        window: that it belongs to
        colour: of the ring
    """

    def __init__(self, window: QWidget, colour: str) -> None:
        super().__init__(window)
        self._window = window
        self._colour = QColor(colour)
        self._target: QWidget | None = None
        self._filtered: list[QWidget] = []
        self._is_tabbing = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)

    def tabbing(self) -> None:
        """Hear that the next change of the focus comes from the keyboard."""
        self._is_tabbing = True

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Notice where the target, or something around it, moves to."""
        if event.type() in _MOVES:
            self._follow()
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._colour, 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def _on_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        by_mouse = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        is_keyboard = self._is_tabbing or (self.isVisible() and not by_mouse)
        self._is_tabbing = False
        for widget in self._filtered:
            widget.removeEventFilter(self)
        self._filtered.clear()
        self._target = None
        if now is None or not is_keyboard or now.window() is not self._window:
            self.hide()
            return
        self._target = now
        above: QWidget | None = now
        while above is not None and above is not self._window:
            if isinstance(above, QScrollArea):
                above.ensureWidgetVisible(now)
            above.installEventFilter(self)
            self._filtered.append(above)
            above = above.parentWidget()
        self._follow()

    def _follow(self) -> None:
        target = self._target
        if target is None or not target.isVisible() or target.visibleRegion().isEmpty():
            self.hide()
            return
        corner = target.mapTo(self._window, target.rect().topLeft())
        place = target.rect().translated(corner)
        self.setGeometry(place.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN))
        self.raise_()
        self.show()


class DialogWindow(QWidget):
    """A window with the icon and a ring around what has the focus after Tab; Esc closes it.

    Args:
        look: dark or light
        title: of the window
        parent: the window that it is in front of
    """

    def __init__(self, look: Look, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window if parent is None else Qt.WindowType.Dialog)
        self.setWindowTitle(title)
        self.setWindowIcon(icons.sparkle(look.colours.focus))
        self._ring = FocusRing(self, look.colours.focus)

    def focusNextPrevChild(self, is_next: bool) -> bool:  # noqa: N802 - Qt's name
        """Let the ring know that Tab was pressed."""
        self._ring.tabbing()
        return super().focusNextPrevChild(is_next)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Close on Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


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
