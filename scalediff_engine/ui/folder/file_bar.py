"""What stands above and below the table: more pictures, filters, the whole sentence of a row."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QListView,
    QPushButton,
    QWidget,
)

from scalediff_engine.batch.folder_scan import MIN_SIDE_PX, Skip, SkipReason
from scalediff_engine.client.batches import BatchInfo, BatchState, FileState
from scalediff_engine.ui.folder.input_model import MOST_SKIPS, InputModel
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.folder.table import FileTable, FileView, row_problem
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.path_choice import ask_folder, ask_pictures
from scalediff_engine.ui.widgets import FlowRow, Segmented, card, hbox, label, on_keys, vbox

_FILTERS = tuple(Filter)


class FileBar(FlowRow):
    """Adds pictures and says which are seen."""

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self._model = model
        self._files = QPushButton(translate("Files", "&Add pictures…"))
        self._folder = QPushButton(translate("Files", "Add &folder…"))
        self.deeper = QCheckBox(translate("Files", "Folders in fo&lders"))
        self.deeper.setChecked(model.input.is_recursive)
        self.filters = Segmented(
            translate("Files", "Shown"),
            [_filter_name(wanted) for wanted in _FILTERS],
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
        self.deeper.toggled.connect(model.input.look_deeper)
        self.filters.chosen.add(lambda index: model.rows.show(_FILTERS[index]))

    def refresh(self) -> None:
        """Show how many rows each filter has."""
        rows, is_choosing = self._model.rows, self._model.phase is Phase.CHOOSING
        for widget in (self._files, self._folder, self.deeper):
            widget.setVisible(is_choosing)
        counts = rows.counts()
        for index, wanted in enumerate(_FILTERS):
            text = _filter_name(wanted)
            if counts[wanted] and wanted is not Filter.ALL:
                text = f"{text} ({counts[wanted]})"
            button = self.filters.button(index)
            if button.text() != text:
                button.setText(text)
                button.setAccessibleName(text)
        self.filters.show_index(_FILTERS.index(rows.filter))
        self.arrange()

    def _ask_files(self) -> None:
        title = translate("Files", "Add pictures")
        ask_pictures(self.window(), title, self._model.add, self._folder_shown_first())

    def _ask_folder(self) -> None:
        ask_folder(
            self.window(),
            translate("Files", "Add folder"),
            lambda folder: self._model.add([folder]),
            self._folder_shown_first(),
        )

    def _folder_shown_first(self) -> str:
        inputs = self._model.input.inputs
        return str(inputs[0].parent) if inputs else ""


class DetailBar(QWidget):
    """Says what was found, and the whole sentence of the row that has the focus."""

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
        column = vbox(self, spacing=6)
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
            sentence = row_problem(rows, file, self._table.existing)
        self._detail.setText(sentence)
        self._detail.setVisible(bool(sentence))
        self.copy.setVisible(bool(sentence))
        model = self._model
        is_search = model.batch is None
        self._found.setVisible(is_search)
        self.skipped.setVisible(is_search and bool(model.input.skips))
        if not is_search:
            return
        count, left = len(model.input.rows.entries), model.input.skip_counts.total()
        text = (
            translate("Files", "Searching… Pictures so far: {count}")
            if model.input.is_scanning
            else translate("Files", "Pictures: {count}")
        ).format(count=count)
        if left:
            text += " · " + translate("Files", "Left aside: {count}").format(count=left)
        self._found.setText(text)

    def show_skipped(self) -> None:
        """Open the list of what was left aside."""
        self._list = SkippedList(self._model.input, self.window())

        def gone() -> None:
            self._list = None

        self._list.destroyed.connect(gone)
        self._list.show()


class SkippedList(QDialog):
    """Lists what a search has left aside."""

    def __init__(self, found: InputModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate("Skips", "Left aside"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._skips = tuple(found.skips)
        self._lines = QStringListModel()
        self.reasons = QComboBox()
        self.reasons.setAccessibleName(translate("Skips", "Reason"))
        self.reasons.addItem(
            translate("Skips", "All reasons ({count})").format(count=found.skip_counts.total()),
            None,
        )
        for reason, count in found.skip_counts.most_common():
            self.reasons.addItem(f"{skip_reason(reason)} ({count})", reason)
        self._list = QListView()
        self._list.setModel(self._lines)
        self._list.setUniformItemSizes(True)
        self._list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setAlternatingRowColors(True)
        self._list.setAccessibleName(translate("Skips", "Left aside"))
        shut = QPushButton(translate("Skips", "Close"))
        shut.clicked.connect(self.close)
        column = vbox(self, margin=12, spacing=8)
        column.addWidget(self.reasons)
        column.addWidget(self._list, 1)
        if found.skip_counts.total() > len(self._skips):
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
    text = f"{skip.path} – {skip_reason(skip.reason)}"
    detail = skip_detail(skip)
    return f"{text}. {detail}" if detail else text


_LEFT = (FileState.WAITING.value, FileState.RUNNING.value)


class UnfinishedBanner(QWidget):
    """Offers the newest unfinished batch of a model."""

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self._model = model
        frame, column = card()
        whole = hbox(self)
        whole.addWidget(frame)
        row = QHBoxLayout()
        row.setSpacing(12)
        self._text = label()
        self.show_it = QPushButton(translate("Banner", "&Show it"))
        row.addWidget(self._text, 1)
        row.addWidget(self.show_it)
        column.addLayout(row)
        self.show_it.clicked.connect(self._on_show)
        self.refresh()

    @property
    def text(self) -> str:
        """What is said."""
        return self._text.text()

    def refresh(self) -> None:
        """Show what there is."""
        model = self._model
        is_seen = model.phase is Phase.CHOOSING and bool(model.unfinished)
        if is_seen:
            self._text.setText(_banner_text(model.unfinished[0], len(model.unfinished)))
        self.setVisible(is_seen)

    def _on_show(self) -> None:
        if self._model.unfinished:
            self._model.show_batch(self._model.unfinished[0].id)


def _banner_text(info: BatchInfo, count: int) -> str:
    total = sum(info.counts.values())
    left = sum(info.counts.get(state, 0) for state in _LEFT)
    text = (
        translate("Banner", "“{title}” is paused: {finished} of {total} files are finished.")
        if info.state is BatchState.PAUSED
        else translate("Banner", "“{title}” is being upscaled: {finished} of {total} files so far.")
    ).format(title=info.title or translate("Banner", "A batch"), finished=total - left, total=total)
    if count > 1:
        text += " " + translate("Banner", "Unfinished batches: {count}.").format(count=count)
    return text


def skip_reason(found: SkipReason) -> str:
    """Give why files were left aside."""
    return {
        SkipReason.NO_PICTURE: translate("Skips", "Not a picture"),
        SkipReason.HIDDEN: translate("Skips", "Hidden"),
        SkipReason.UNSUPPORTED: translate("Skips", "Format not supported"),
        SkipReason.UNREADABLE: translate("Skips", "Cannot be read"),
        SkipReason.FOLDER_UNREADABLE: translate("Skips", "Folder cannot be read"),
        SkipReason.NAME_NOT_UTF8: translate("Skips", "Name not in UTF-8"),
        SkipReason.OWN_RESULT: translate("Skips", "Result of an earlier run"),
        SkipReason.TOO_SMALL: translate("Skips", "Too small"),
        SkipReason.SUBFOLDER: translate("Skips", "Folder that is not looked into"),
        SkipReason.DUPLICATE: translate("Skips", "Same file again"),
        SkipReason.MISSING: translate("Skips", "Not there"),
    }[found]


def skip_detail(skip: Skip) -> str:
    """Give a sentence that says more than the reason; may be empty."""
    width, height = skip.size or (0, 0)
    return {
        SkipReason.UNSUPPORTED: translate(
            "Scan", "{detail} files are not supported; convert them to PNG or TIFF first."
        ),
        SkipReason.UNREADABLE: "{detail}",
        SkipReason.FOLDER_UNREADABLE: translate(
            "Scan", "The folder {path} cannot be read: {detail}."
        ),
        SkipReason.NAME_NOT_UTF8: translate(
            "Scan", "The file's name is not in UTF-8; another name would work."
        ),
        SkipReason.TOO_SMALL: translate(
            "Scan", "It has {width} × {height} pixels; {least} a side are the least."
        ),
        SkipReason.MISSING: translate("Scan", "There is no file {path}."),
    }.get(skip.reason, "").format(
        path=skip.path,
        detail=skip.detail,
        width=width,
        height=height,
        least=MIN_SIDE_PX,
    )


def _filter_name(wanted: Filter) -> str:
    """Give the name of a filter."""
    return {
        Filter.ALL: translate("Filter", "All"),
        Filter.TO_DO: translate("Filter", "To do"),
        Filter.DONE: translate("Filter", "Done"),
        Filter.SKIPPED: translate("Filter", "Skipped"),
        Filter.ERRORS: translate("Filter", "Errors"),
    }[wanted]
