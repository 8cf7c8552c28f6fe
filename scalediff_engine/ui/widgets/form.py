"""What forms are made of."""

from __future__ import annotations

import html

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QLabel,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui.look import set_kind


def label(text: str = "", kind: str = "", *, wraps: bool = True) -> QLabel:
    """Give a label of some kind; see ``look``. Names in it are text, and no markup."""
    found = QLabel()
    found.setTextFormat(Qt.TextFormat.PlainText)
    found.setText(text)
    found.setWordWrap(wraps)
    if kind:
        set_kind(found, kind)
    return found


def message_box(parent: QWidget) -> QMessageBox:
    """Return a message box. Names in it are text, and no markup."""
    found = QMessageBox(parent)
    found.setWindowTitle("ScaleDiff")
    found.setTextFormat(Qt.TextFormat.PlainText)
    return found


def plain_tip(text: str) -> str:
    """Return a tooltip that shows a text as it is, and no markup."""
    return f"<p>{html.escape(text)}</p>" if "<" in text else text


def titled(title: str, field: QWidget) -> QWidget:
    """Give a field with its name above it, where any language has room."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(3)
    name = QLabel(title)
    name.setBuddy(field)
    column.addWidget(name)
    column.addWidget(field)
    return whole


def card() -> tuple[QFrame, QVBoxLayout]:
    """Give a raised field, and what fills it."""
    frame = QFrame()
    frame.setProperty("kind", "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(12, 10, 12, 10)
    column.setSpacing(4)
    return frame, column


def on_keys(button: QAbstractButton, *keys: str) -> None:
    """Press a button by keys, besides the letter in its text, where it can be pressed.

    At once, where a button's own shortcut shows it pressed for a while first.
    """
    for key in keys:
        shortcut = QShortcut(QKeySequence(key), button)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(button.click)


class _HighArea(QScrollArea):
    """Scrolls up and down, and is always wide enough for its content."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it can do with: room for the bar too."""
        least, content = super().minimumSizeHint(), self.widget()
        if content is None:
            return least
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(content.minimumSizeHint().width() + bar, least.height())


def scrolling(content: QWidget) -> QScrollArea:
    """Let something be higher than the window."""
    area = _HighArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
