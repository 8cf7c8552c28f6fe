"""The table of files: its rows as Qt asks for them, and what can be done with them.

One module despite its length: the sentences at its end belong to the rows alone.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QAction,
    QColor,
    QGuiApplication,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from scalediff_engine.batch.conflicts import NameConflict
from scalediff_engine.client.batches import Existing
from scalediff_engine.ui import words
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.rows import Rows, Status
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Colours
from scalediff_engine.ui.observers import Observers
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
        return row_state(rows, file, self.existing, fraction)

    def _sizes(self, file: int) -> str:
        entry = self.rows.entries[file]
        width, height = entry.width, entry.height
        if not width:
            width, height = self._known_size(entry.path) or (0, 0)
        if not width:
            return ""
        batch = self._model.batch
        scale = self._model.input.scale if batch is None else batch.info.settings.scale or 1.0
        entry = type(entry)(entry.path, entry.name, entry.below, width, height)
        result = words.size(*entry.size.scaled(scale))
        # in this order in every language, or the arrow would point the wrong way
        return f"\u2066{words.size(width, height)} → {result}\u2069"

    @property
    def existing(self) -> Existing:
        """What becomes of results that are there already."""
        batch = self._model.batch
        return self._model.input.destination.existing if batch is None else batch.info.existing

    def _tip(self, file: int, column: Column) -> str:
        sentence = row_problem(self.rows, file, self.existing)
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


THUMBNAIL_SIDE = 32
# What the columns beside the name take in characters: usually, and where there is little room.
_CHARACTERS = {Column.SIZE: (31, 26), Column.RESULT: (26, 14), Column.STATE: (28, 16)}
_NAME_CHARACTERS = 24
# Most files that a menu opens at once: each starts a program.
_MOST_OPENED = 10
# Larger selections were not made by hand and are not restored.
_MOST_RESTORED = 200


class FileView(QTableView):
    """Shows the files of a dialog.

    Attributes:
        hint: what is said where no row is
        current_changed: told when another row has the focus
    """

    def __init__(
        self,
        model: FolderModel,
        table: FileTable,
        open_path: Callable[[Path], object],
        colours: Colours,
    ) -> None:
        super().__init__()
        self.hint = ""
        self._hint_colour = QColor(colours.quiet)
        self.current_changed = Observers()
        self._dialog = model
        self._table = table
        self._open_path = open_path
        self._kept: list[int] = []
        self._kept_current = -1
        self._is_narrow = False
        self.setModel(table)
        self.setAccessibleName(translate("Table", "Pictures"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setIconSize(QSize(THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        self.doubleClicked.connect(lambda _: self._open_results())
        self._set_sizes()
        self._open = self._action(translate("Table", "&Open result"), "Return", self._open_results)
        self._show = self._action(
            translate("Table", "Show in &folder"), "Ctrl+Shift+O", self._show_folder
        )
        self._copy = self._action(translate("Table", "&Copy error"), "Ctrl+C", self.copy_errors)
        self._remove = self._action(translate("Table", "&Remove from the list"), "Del", self.remove)
        table.modelAboutToBeReset.connect(self._keep_selection)
        table.modelReset.connect(self._restore_selection)
        self.selectionModel().currentRowChanged.connect(lambda *_: self.current_changed.tell())

    @property
    def current_file(self) -> int:
        """The file that has the focus; -1 = none."""
        index = self.currentIndex()
        return self._table.file_of(index) if index.isValid() else -1

    @property
    def selected(self) -> list[int]:
        """The files that are selected, in their order."""
        return sorted(self._table.file_of(index) for index in self._selected_rows())

    def copy_errors(self) -> None:
        """Put the sentences of the selected rows on the clipboard."""
        rows, existing = self._table.rows, self._table.existing
        lines: list[str] = []
        for file in self.selected:
            sentence = row_problem(rows, file, existing)
            problem = rows.problem(file)
            code = f" [{problem.code}]" if problem is not None else ""
            if sentence:
                lines.append(f"{rows.entries[file].path}: {sentence}{code}")
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    def remove(self) -> None:
        """Take the selected rows out of the list, before the start."""
        selected = self.selected
        if selected and self._dialog.phase is Phase.CHOOSING:
            row = self.currentIndex().row()
            self._dialog.remove(selected)
            left = self._table.rowCount()
            if left:
                self.setCurrentIndex(self._table.index(min(row, left - 1), Column.NAME))

    def select_first(self) -> None:
        """Go to the first row, if none has the focus."""
        if not self.currentIndex().isValid() and self._table.rowCount():
            self.setCurrentIndex(self._table.index(0, Column.NAME))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave room for the names."""
        super().resizeEvent(event)
        self._fit_columns()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Say what could be here while nothing is."""
        super().paintEvent(event)
        if self._table.rowCount() or not self.hint:
            return
        painter = QPainter(self.viewport())
        painter.setPen(self._hint_colour)
        place = self.viewport().rect().adjusted(24, 24, -24, -24)
        painter.drawText(
            place, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), self.hint
        )
        painter.end()

    def _set_sizes(self) -> None:
        height = max(THUMBNAIL_SIDE + 6, self.fontMetrics().height() + 10)
        vertical, horizontal = self.verticalHeader(), self.horizontalHeader()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(height)
        vertical.hide()
        wide = self.fontMetrics().averageCharWidth()
        horizontal.setHighlightSections(False)
        horizontal.setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter
        )
        horizontal.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        for column, (usual, _) in _CHARACTERS.items():
            horizontal.resizeSection(column, usual * wide)
        self.setMinimumWidth(80 * wide)

    def _fit_columns(self) -> None:
        """Take from the other columns what the name lacks; widths that do are left alone."""
        wide = self.fontMetrics().averageCharWidth()
        usual = sum(most for most, _ in _CHARACTERS.values())
        least = sum(few for _, few in _CHARACTERS.values())
        room = self.viewport().width() / wide - _NAME_CHARACTERS
        share = min(1.0, max(0.0, (room - least) / (usual - least)))
        if share < 1 or self._is_narrow:
            for column, (most, few) in _CHARACTERS.items():
                width = round((few + share * (most - few)) * wide)
                self.horizontalHeader().resizeSection(column, width)
        self._is_narrow = share < 1

    def _action(self, text: str, key: str, act: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda _=False: act())
        self.addAction(action)
        return action

    def _selected_rows(self) -> list[QModelIndex]:
        return self.selectionModel().selectedRows(Column.NAME)

    def _show_menu(self, place: QPoint) -> None:
        selected = self.selected
        if not selected:
            return
        rows = self._table.rows
        few, many = selected[:_MOST_OPENED], selected[:_MOST_RESTORED]
        self._open.setEnabled(any(self._result(file) is not None for file in few))
        self._copy.setEnabled(any(row_problem(rows, file, self._table.existing) for file in many))
        self._remove.setEnabled(self._dialog.phase is Phase.CHOOSING)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self._open, self._show, self._copy])
        menu.addSeparator()
        menu.addAction(self._remove)
        for action in (self._open, self._copy, self._remove):
            menu.aboutToHide.connect(lambda action=action: action.setEnabled(True))
        menu.popup(self.viewport().mapToGlobal(place))

    def _result(self, file: int) -> Path | None:
        """Give the result of a file, if there is one."""
        target = self._table.rows.target(file)
        return Path(target) if target and Path(target).is_file() else None

    def _open_results(self) -> None:
        results = [found for file in self.selected[:_MOST_OPENED] if (found := self._result(file))]
        for result in results:
            self._open_path(result)

    def _show_folder(self) -> None:
        folders: list[Path] = []
        for file in self.selected[:_MOST_OPENED]:
            shown = self._result(file) or Path(self._table.rows.entries[file].path)
            if shown.parent not in folders:
                folders.append(shown.parent)
        for folder in folders:
            self._open_path(folder)

    def _keep_selection(self) -> None:
        self._kept = self.selected
        self._kept_current = self.current_file

    def _restore_selection(self) -> None:
        """Select the same files again, where they are still seen."""
        kept = set(self._kept)
        if not kept:
            return
        count = self._table.rowCount()
        places = [row for row in range(count) if self._table.rows.index(row) in kept][
            :_MOST_RESTORED
        ]
        selection = self.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row in places:
            index = self._table.index(row, Column.NAME)
            selection.select(index, flags)
            if self._table.file_of(index) == self._kept_current:
                selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)


def row_state(rows: Rows, index: int, existing: Existing, fraction: float | None = None) -> str:
    """Give a file's state in a few words.

    Args:
        rows: all files
        index: which
        existing: what becomes of results that are there already
        fraction: of the file, if it is the one under way
    """
    status = rows.status(index)
    if status is Status.EXISTS:
        return _of_existing(existing)
    if status is Status.WRONG_NAME:
        return _of_conflict(rows.conflict(index))
    if status is Status.RUNNING and fraction is not None:
        return translate("Rows", "Running, {percent}").format(
            percent=words.zoom(round(fraction, 2))
        )
    if status is Status.DONE:
        return translate("Rows", "Done in {duration}").format(
            duration=words.duration(rows.seconds(index))
        )
    return {
        Status.READY: translate("Rows", "Ready"),
        Status.WILL_NOT_FIT: translate("Rows", "Will not fit"),
        Status.WAITING: translate("Rows", "Waiting"),
        Status.RUNNING: translate("Rows", "Running"),
        Status.SKIPPED: translate("Rows", "Skipped"),
        Status.FAILED: translate("Rows", "Failed"),
        Status.CANCELLED: translate("Rows", "Cancelled"),
    }[status]


def row_problem(rows: Rows, index: int, existing: Existing) -> str:
    """Give the whole sentence on what is wrong with a file; empty = nothing is."""
    problem = rows.problem(index)
    if problem is not None:
        return problem.message
    status, target = rows.status(index), rows.target(index)
    if status is Status.WILL_NOT_FIT:
        return rows.unfit(index)
    if status is Status.EXISTS:
        if existing is Existing.REPLACE:
            return translate("Rows", "{path} is there already and will be replaced.").format(
                path=target
            )
        return translate("Rows", "{path} is there already and stays as it is.").format(path=target)
    if status is Status.WRONG_NAME:
        return _sentence_of_conflict(rows.conflict(index), target)
    return ""


def _of_existing(existing: Existing) -> str:
    return {
        Existing.SKIP: translate("Rows", "There already, will be skipped"),
        Existing.REPLACE: translate("Rows", "There already, will be replaced"),
        Existing.KEEP: translate("Rows", "There already, will count as failed"),
    }[existing]


def _of_conflict(conflict: NameConflict | None) -> str:
    return {
        NameConflict.DUPLICATE: translate("Rows", "Name taken twice"),
        NameConflict.OWN_SOURCE: translate("Rows", "Would replace its source"),
        NameConflict.OTHER_SOURCE: translate("Rows", "Would replace another source"),
        NameConflict.FORBIDDEN: translate("Rows", "Name not possible here"),
        NameConflict.TOO_LONG: translate("Rows", "Name too long"),
        NameConflict.TOO_LARGE: translate("Rows", "Too large for the format"),
    }.get(conflict or NameConflict.NO_NAME, translate("Rows", "No name"))


def _sentence_of_conflict(conflict: NameConflict | None, path: str) -> str:
    sentence = {
        NameConflict.DUPLICATE: translate(
            "Rows",
            "Another picture would become {path} too. Use {ext} in the name, another format or "
            "another folder.",
        ),
        NameConflict.OWN_SOURCE: translate(
            "Rows", "The result would replace the picture itself: {path}. Another name would work."
        ),
        NameConflict.OTHER_SOURCE: translate(
            "Rows",
            "The result would replace another picture of this list: {path}. Another name would "
            "work.",
        ),
        NameConflict.FORBIDDEN: translate(
            "Rows", "{path} has characters in its name that this system does not take."
        ),
        NameConflict.TOO_LONG: translate("Rows", "{path} is longer than this system takes."),
        NameConflict.TOO_LARGE: translate(
            "Rows", "The result is too large for this format; TIFF would work."
        ),
    }.get(conflict or NameConflict.NO_NAME, translate("Rows", "There is no name for the result."))
    return sentence.format(path=path, ext="{ext}")
