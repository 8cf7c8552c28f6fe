"""Something that is folded away until somebody wants it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Fold(QWidget):
    """A line with an arrow, and below it what it opens.

    Args:
        title: of the line
        content: what is folded away
    """

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__()
        self._content = content
        self._line = QToolButton()
        self._line.setText(title)
        self._line.setCheckable(True)
        self._line.setAutoRaise(True)
        self._line.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._line)
        column.addWidget(content)
        self._line.toggled.connect(self.unfold)
        self.setFocusProxy(self._line)
        self.unfold(False)

    @property
    def is_open(self) -> bool:
        """Whether its content is to be seen."""
        return self._line.isChecked()

    def unfold(self, is_open: bool) -> None:
        """Open or close it."""
        self._line.setChecked(is_open)
        self._content.setVisible(is_open)
        closed = (
            Qt.ArrowType.LeftArrow
            if self.layoutDirection() == Qt.LayoutDirection.RightToLeft
            else Qt.ArrowType.RightArrow
        )
        self._line.setArrowType(Qt.ArrowType.DownArrow if is_open else closed)
