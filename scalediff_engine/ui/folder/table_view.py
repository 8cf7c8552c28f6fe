"""The table of files, with what can be done to its rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import (
    QAction,
    QColor,
    QGuiApplication,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from scalediff_engine.ui.colours import Colours
from scalediff_engine.ui.folder import sentences
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.table_model import Column, FileTable
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.observers import Observers

THUMBNAIL_SIDE = 32
# What the columns beside the name take in characters: usually, and where there is little room.
_CHARACTERS = {Column.SIZE: (31, 26), Column.RESULT: (26, 14), Column.STATE: (28, 16)}
_NAME_CHARACTERS = 24
# Files that a menu opens at once, at most: each is a program of its own.
_MOST_OPENED = 10
# What nobody has marked by hand need not be marked again.
_MOST_RESTORED = 200


class FileView(QTableView):
    """Shows the files of a dialog.

    Args:
        model: of the dialog
        table: its rows for Qt
        open_path: opens a file or a folder in the program for it
        colours: of the look

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
            sentence = sentences.full(rows, file, existing)
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
        self._copy.setEnabled(
            any(sentences.full(rows, file, self._table.existing) for file in many)
        )
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
