"""The list of models, folders and refused files, in groups."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from scalediff_engine.ui.language import translate
from scalediff_engine.ui.models import sentences
from scalediff_engine.ui.models.model import Entry, Group, ModelsModel
from scalediff_engine.ui.widgets import plain_tip

_KEY = Qt.ItemDataRole.UserRole


class ModelsList(QTreeWidget):
    """Shows a model's lines and chooses one.

    Args:
        model: of the dialog
    """

    def __init__(self, model: ModelsModel) -> None:
        super().__init__()
        self._model = model
        self._shown: tuple[Entry, ...] | None = None
        self._is_filling = False
        self.setAccessibleName(translate("ModelsDialog", "Models"))
        self.setHeaderLabels(
            [
                translate("ModelsDialog", "Model"),
                translate("ModelsDialog", "Size"),
                translate("ModelsDialog", "Memory here"),
            ]
        )
        self.setRootIsDecorated(True)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.currentItemChanged.connect(self._on_current)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is."""
        entries = self._model.entries
        if entries != self._shown:
            self._fill(entries)
        item = self._item_of(self._model.chosen)
        if item is not None and item is not self.currentItem():
            self._is_filling = True
            self.setCurrentItem(item)
            self._is_filling = False

    def _fill(self, entries: tuple[Entry, ...]) -> None:
        """Make the lines anew; groups that were closed stay closed."""
        self._is_filling = True
        closed = self._closed() if self.topLevelItemCount() else {Group.REFUSED}
        self._shown = entries
        self.clear()
        for group in Group:
            inside = [entry for entry in entries if entry.group is group]
            if not inside:
                continue
            head = QTreeWidgetItem([sentences.group_title(group)])
            head.setData(0, _KEY + 1, group.value)
            head.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            font = head.font(0)
            font.setBold(True)
            head.setFont(0, font)
            self.addTopLevelItem(head)
            head.setFirstColumnSpanned(True)
            for entry in inside:
                head.addChild(_line(entry))
            head.setExpanded(group not in closed)
        self._is_filling = False

    def _closed(self) -> set[Group]:
        heads = (self.topLevelItem(row) for row in range(self.topLevelItemCount()))
        return {
            Group(head.data(0, _KEY + 1))
            for head in heads
            if head is not None and not head.isExpanded()
        }

    def _item_of(self, key: str | None) -> QTreeWidgetItem | None:
        for row in range(self.topLevelItemCount()):
            head = self.topLevelItem(row)
            for place in range(0 if head is None else head.childCount()):
                item = head.child(place) if head is not None else None
                if item is not None and item.data(0, _KEY) == key:
                    return item
        return None

    def _on_current(self, item: QTreeWidgetItem | None) -> None:
        if item is None or self._is_filling:
            return
        key = item.data(0, _KEY)
        if isinstance(key, str):
            self._model.choose(key)

    def drawBranches(  # noqa: N802 - Qt's name
        self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw arrows for the groups alone."""
        if not index.parent().isValid():
            super().drawBranches(painter, rect, index)


def _line(entry: Entry) -> QTreeWidgetItem:
    texts = [sentences.title(entry), sentences.size(entry), sentences.needs(entry)]
    item = QTreeWidgetItem(texts)
    item.setData(0, _KEY, entry.key)
    item.setToolTip(0, plain_tip(sentences.path(entry) or texts[0]))
    item.setData(0, Qt.ItemDataRole.AccessibleTextRole, ", ".join(text for text in texts if text))
    return item
