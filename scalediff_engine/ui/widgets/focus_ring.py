"""A ring around whatever has the keyboard, while somebody uses it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

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
