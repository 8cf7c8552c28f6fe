"""What stands above and below the table: more pictures, filters, the whole sentence of a row."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui.folder import sentences
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.folder.skipped_list import SkippedList
from scalediff_engine.ui.folder.table_model import FileTable
from scalediff_engine.ui.folder.table_view import FileView
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.path_choice import asking_folder, asking_pictures
from scalediff_engine.ui.widgets import Segmented, TwoGroups, label, on_keys

_FILTERS = tuple(Filter)


class FileBar(TwoGroups):
    """Adds pictures and says which are seen.

    Args:
        model: of the dialog
    """

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self._model = model
        self._asking: QFileDialog | None = None
        self._files = QPushButton(translate("Files", "&Add pictures…"))
        self._folder = QPushButton(translate("Files", "Add &folder…"))
        self.deeper = QCheckBox(translate("Files", "Folders in fo&lders"))
        self.deeper.setChecked(model.listing.is_recursive)
        self.filters = Segmented(
            translate("Files", "Shown"),
            [sentences.filter_name(wanted) for wanted in _FILTERS],
            is_even=False,
        )
        self.filters.show_index(0)
        self.first.setSpacing(8)
        for widget in (self._files, self._folder, self.deeper):
            self.first.addWidget(widget)
        self.second.addWidget(self.filters)
        on_keys(self._files, "Ctrl+O")
        self._files.clicked.connect(self._ask_files)
        self._folder.clicked.connect(self._ask_folder)
        self.deeper.toggled.connect(model.listing.look_deeper)
        self.filters.chosen.add(lambda index: model.rows.show(_FILTERS[index]))

    def refresh(self) -> None:
        """Show how many rows each filter has."""
        rows, is_choosing = self._model.rows, self._model.phase is Phase.CHOOSING
        for widget in (self._files, self._folder, self.deeper):
            widget.setVisible(is_choosing)
        counts = rows.counts()
        for index, wanted in enumerate(_FILTERS):
            text = sentences.filter_name(wanted)
            if counts[wanted] and wanted is not Filter.ALL:
                text = f"{text} ({counts[wanted]})"
            button = self.filters.button(index)
            if button.text() != text:
                button.setText(text)
                button.setAccessibleName(text)
        self.filters.show_index(_FILTERS.index(rows.filter))
        self.arrange()

    def _ask_files(self) -> None:
        self._ask(asking_pictures(self, translate("Files", "Add pictures")))

    def _ask_folder(self) -> None:
        self._ask(asking_folder(self, translate("Files", "Add folder")))

    def _ask(self, asking: QFileDialog) -> None:
        """Ask, without stopping anything meanwhile."""
        if self._asking is not None:
            return
        if self._model.listing.inputs:
            asking.setDirectory(str(self._model.listing.inputs[0].parent))

        def gone(result: int) -> None:
            self._asking = None
            if result:
                self._model.add(Path(name) for name in asking.selectedFiles())

        asking.finished.connect(gone)
        self._asking = asking
        asking.open()


class DetailBar(QWidget):
    """Says what was found, and the whole sentence of the row that has the focus.

    Args:
        model: of the dialog
        table: its rows for Qt
        view: the table
    """

    def __init__(self, model: FolderModel, table: FileTable, view: FileView) -> None:
        super().__init__()
        self._model = model
        self._table = table
        self._view = view
        self._list: SkippedList | None = None
        self._detail = label()
        self._detail.setTextInteractionFlags(
            self._detail.textInteractionFlags().TextSelectableByMouse
        )
        self._detail.setAccessibleName(translate("Files", "What is wrong with this picture"))
        self.copy = QPushButton(translate("Files", "&Copy error"))
        self._found = label(wraps=False)
        set_kind(self._found, "quiet")
        self.skipped = QPushButton(translate("Files", "Left as&ide…"))
        upper, lower = QHBoxLayout(), QHBoxLayout()
        upper.addWidget(self._detail, 1)
        upper.addWidget(self.copy)
        lower.addWidget(self._found)
        lower.addWidget(self.skipped)
        lower.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(upper)
        column.addLayout(lower)
        self.copy.clicked.connect(view.copy_errors)
        self.skipped.clicked.connect(self.show_skipped)
        view.current_changed.add(self.refresh)

    @property
    def detail(self) -> str:
        """The sentence that is shown."""
        return self._detail.text()

    @property
    def found(self) -> str:
        """What is said of the search."""
        return self._found.text()

    @property
    def skipped_list(self) -> SkippedList | None:
        """What was left aside, while it is open."""
        return self._list

    def refresh(self) -> None:
        """Show what there is to say."""
        file, rows = self._view.current_file, self._table.rows
        sentence = ""
        if 0 <= file < len(rows.entries):
            sentence = sentences.full(rows, file, self._table.existing)
        self._detail.setText(sentence)
        self._detail.setVisible(bool(sentence))
        self.copy.setVisible(bool(sentence))
        model = self._model
        is_search = model.batch is None
        self._found.setVisible(is_search)
        self.skipped.setVisible(is_search and model.listing.found.skipped > 0)
        if not is_search:
            return
        count, left = len(model.listing.found.rows.entries), model.listing.found.skipped
        text = (
            translate("Files", "Searching… Pictures so far: {count}")
            if model.listing.is_scanning
            else translate("Files", "Pictures: {count}")
        ).format(count=count)
        if left:
            text += " · " + translate("Files", "Left aside: {count}").format(count=left)
        self._found.setText(text)

    def show_skipped(self) -> None:
        """Open the list of what was left aside."""
        self._list = SkippedList(self._model.listing.found, self.window())

        def gone() -> None:
            self._list = None

        self._list.destroyed.connect(gone)
        self._list.show()
