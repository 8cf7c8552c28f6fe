"""Two groups of buttons: in one row, or in two where letters are large or the window narrow."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

_SPACING = 8


class TwoGroups(QWidget):
    """Puts one group at the beginning of a row and the other at its end, or below the first.

    Attributes:
        first, second: what the groups' widgets are added to
    """

    def __init__(self) -> None:
        super().__init__()
        self._groups = QWidget(), QWidget()
        self.first, self.second = (QHBoxLayout(group) for group in self._groups)
        for row in (self.first, self.second):
            row.setContentsMargins(0, 0, 0, 0)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(_SPACING)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self._is_stacked = False
        self._grid.addWidget(self._groups[0], 0, 0, Qt.AlignmentFlag.AlignLeading)
        self._grid.addWidget(self._groups[1], 0, 1, Qt.AlignmentFlag.AlignTrailing)

    @property
    def is_stacked(self) -> bool:
        """Whether there are two rows."""
        return self._is_stacked

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it can do with: the wider group alone in its row."""
        wide = max(group.minimumSizeHint().width() for group in self._groups)
        return QSize(wide, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Take one row or two."""
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Look again how many rows it takes: another group is to be seen, or other words."""
        wanted = sum(group.sizeHint().width() for group in self._groups) + _SPACING
        is_stacked = wanted > self.width()
        if is_stacked is self._is_stacked:
            return
        self._is_stacked = is_stacked
        self._grid.removeWidget(self._groups[1])
        if is_stacked:
            self._grid.addWidget(self._groups[1], 1, 0, Qt.AlignmentFlag.AlignLeading)
        else:
            self._grid.addWidget(self._groups[1], 0, 1, Qt.AlignmentFlag.AlignTrailing)
        self.updateGeometry()
