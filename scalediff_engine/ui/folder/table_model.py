"""The rows as Qt's views want them; asked only for what is on the screen."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPixmap

from scalediff_engine.client.batches import Existing
from scalediff_engine.ui import words
from scalediff_engine.ui.colours import Colours
from scalediff_engine.ui.folder import sentences
from scalediff_engine.ui.folder.model import FolderModel
from scalediff_engine.ui.folder.rows import Rows, Status
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.widgets import plain_tip

Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole
_WARNING = (Status.FAILED, Status.WRONG_NAME, Status.WILL_NOT_FIT)
_QUIET = (Status.SKIPPED, Status.EXISTS, Status.CANCELLED)


class Column(IntEnum):
    """What stands beside each other."""

    NAME = 0
    SIZE = 1
    RESULT = 2
    STATE = 3


class FileTable(QAbstractTableModel):
    """The rows of a model, whichever those are.

    Args:
        model: of the dialog
        colours: of the look
        thumbnail: gives a small picture, or an empty one until there is one
        known_size: gives the size of a file that was only found out while it was looked at
    """

    def __init__(
        self,
        model: FolderModel,
        colours: Colours,
        thumbnail: Callable[[str], QPixmap],
        known_size: Callable[[str], tuple[int, int] | None],
    ) -> None:
        super().__init__()
        self._model = model
        self._thumbnail = thumbnail
        self._known_size = known_size
        self._warning, self._good = QColor(colours.warning), QColor(colours.good)
        self._quiet = QColor(colours.quiet)
        self._rows: Rows | None = None
        self._followed: list[Rows] = []
        self.follow()
        model.rows_changed.add(self.follow)

    @property
    def rows(self) -> Rows:
        """What is shown."""
        assert self._rows is not None
        return self._rows

    def follow(self) -> None:
        """Show the rows that the model has now."""
        rows = self._model.rows
        self.beginResetModel()
        self._rows = rows
        if rows not in self._followed:
            self._followed.append(rows)
            rows.appended.add(lambda span: self._if_shown(rows, lambda: self._on_appended(span)))
            rows.arrived.add(lambda: self._if_shown(rows, self.endInsertRows))
            rows.changed.add(lambda span: self._if_shown(rows, lambda: self._on_changed(span)))
            rows.resetting.add(lambda: self._if_shown(rows, self.beginResetModel))
            rows.reset.add(lambda: self._if_shown(rows, self.endResetModel))
        self.endResetModel()

    def file_of(self, index: Index) -> int:
        """Give the file of a cell."""
        return self.rows.index(index.row())

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        """Give how many rows are seen."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        """Give how many columns there are."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole
    ) -> str | None:
        """Give the title of a column."""
        if orientation is not Qt.Orientation.Horizontal or role != _Role.DisplayRole:
            return None
        return {
            Column.NAME: translate("Table", "Picture"),
            Column.SIZE: translate("Table", "Size"),
            Column.RESULT: translate("Table", "Result"),
            Column.STATE: translate("Table", "State"),
        }[Column(section)]

    def data(self, index: Index, role: int = _Role.DisplayRole) -> object:
        """Give what a cell shows."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        file, column = self.file_of(index), Column(index.column())
        if role in (_Role.DisplayRole, _Role.AccessibleTextRole):
            return self._text(file, column)
        if role == _Role.DecorationRole and column is Column.NAME:
            return self._thumbnail(self.rows.entries[file].path)
        if role == _Role.ForegroundRole and column is Column.STATE:
            return self._colour(self.rows.status(file))
        if role == _Role.ToolTipRole:
            return plain_tip(self._tip(file, column))
        return None

    def _text(self, file: int, column: Column) -> str:
        rows = self.rows
        if column is Column.NAME:
            return rows.entries[file].name
        if column is Column.SIZE:
            return self._sizes(file)
        if column is Column.RESULT:
            return rows.target(file).replace("\\", "/").rsplit("/", 1)[-1]
        batch = self._model.batch
        fraction = None
        if batch is not None and batch.info.current == file and batch.info.progress is not None:
            fraction = batch.info.progress.fraction
        return sentences.short(rows, file, self.existing, fraction)

    def _sizes(self, file: int) -> str:
        entry = self.rows.entries[file]
        width, height = entry.width, entry.height
        if not width:
            width, height = self._known_size(entry.path) or (0, 0)
        if not width:
            return ""
        batch = self._model.batch
        scale = self._model.listing.scale if batch is None else batch.info.settings.scale or 1.0
        entry = type(entry)(entry.path, entry.name, entry.below, width, height)
        result = words.size(*entry.size.scaled(scale))
        # in this order in every language, or the arrow would point the wrong way
        return f"\u2066{words.size(width, height)} → {result}\u2069"

    @property
    def existing(self) -> Existing:
        """What becomes of results that are there already."""
        batch = self._model.batch
        return self._model.listing.destination.existing if batch is None else batch.info.existing

    def _tip(self, file: int, column: Column) -> str:
        sentence = sentences.full(self.rows, file, self.existing)
        if column is Column.STATE and sentence:
            return sentence
        entry = self.rows.entries[file]
        return self.rows.target(file) if column is Column.RESULT else entry.path

    def _colour(self, status: Status) -> QColor | None:
        if status in _WARNING:
            return self._warning
        if status is Status.DONE:
            return self._good
        return self._quiet if status in _QUIET else None

    def _if_shown(self, rows: Rows, action: Callable[[], None]) -> None:
        if rows is self._rows:
            action()

    def _on_appended(self, span: tuple[int, int]) -> None:
        self.beginInsertRows(QModelIndex(), *span)

    def _on_changed(self, span: tuple[int, int]) -> None:
        first = self.index(span[0], Column.NAME)
        self.dataChanged.emit(first, self.index(span[1], Column.STATE))
