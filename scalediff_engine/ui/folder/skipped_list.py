"""What was left aside, and why."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtWidgets import QComboBox, QDialog, QListView, QPushButton, QVBoxLayout, QWidget

from scalediff_engine.batch.folder_scan import Skip, SkipReason
from scalediff_engine.ui.folder import sentences
from scalediff_engine.ui.folder.found import MOST_SKIPS, Found
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.widgets import label


class SkippedList(QDialog):
    """Lists what a search has left aside.

    Args:
        found: what was found
        parent: the window
    """

    def __init__(self, found: Found, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate("Skips", "Left aside"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._skips = tuple(found.skips)
        self._lines = QStringListModel()
        self.reasons = QComboBox()
        self.reasons.setAccessibleName(translate("Skips", "Reason"))
        self.reasons.addItem(
            translate("Skips", "All reasons ({count})").format(count=found.skipped), None
        )
        for reason, count in found.counts.most_common():
            self.reasons.addItem(f"{sentences.skip_reason(reason)} ({count})", reason)
        self._list = QListView()
        self._list.setModel(self._lines)
        self._list.setUniformItemSizes(True)
        self._list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setAlternatingRowColors(True)
        self._list.setAccessibleName(translate("Skips", "Left aside"))
        shut = QPushButton(translate("Skips", "Close"))
        shut.clicked.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.reasons)
        column.addWidget(self._list, 1)
        if found.skipped > len(self._skips):
            text = translate("Skips", "Only the first {count} are listed.")
            column.addWidget(label(text.format(count=MOST_SKIPS), "quiet"))
        column.addWidget(shut, 0, Qt.AlignmentFlag.AlignRight)
        self.reasons.currentIndexChanged.connect(lambda _: self._show())
        self.resize(760, 460)
        self._show()

    @property
    def lines(self) -> list[str]:
        """What is listed."""
        return self._lines.stringList()

    def _show(self) -> None:
        wanted: SkipReason | None = self.reasons.currentData()
        self._lines.setStringList(
            [_line(skip) for skip in self._skips if wanted in (None, skip.reason)]
        )


def _line(skip: Skip) -> str:
    text = f"{skip.path} – {sentences.skip_reason(skip.reason)}"
    detail = sentences.skip_detail(skip)
    return f"{text}. {detail}" if detail else text
