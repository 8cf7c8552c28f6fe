"""The models dialog."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QCloseEvent, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from scalediff_engine.client.messages import DownloadState, ModelInfo
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Look, set_kind
from scalediff_engine.ui.models.model import (
    Entry,
    Group,
    ModelsModel,
    download_status,
    entry_facts,
    entry_path,
    entry_size,
    entry_title,
    group_title,
    memory_needed,
    memory_sentence,
)
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.path_choice import ask_folder
from scalediff_engine.ui.widgets import (
    Collapsible,
    ask,
    card,
    label,
    plain_tip,
    scrolling,
    show_text,
    vbox,
)
from scalediff_engine.ui.window_base import DialogWindow, open_at_its_size


class ModelsWindow(DialogWindow):
    """Shows a model.

    Attributes:
        ended: told when it is closed
    """

    def __init__(self, model: ModelsModel, look: Look) -> None:
        super().__init__(look, translate("ModelsDialog", "Models – ScaleDiff"))
        self._model = model
        self.ended = Observers()
        self.list = ModelsList(model)
        self.details = Details(model)
        self._room = label(kind="quiet")
        self._trouble = label(kind="warning")
        self._trouble.setAccessibleName(translate("Window", "Trouble"))
        self.note = label(kind="good")
        self.add = QPushButton(translate("ModelsDialog", "&Add a folder…"))
        self.leave = QPushButton(translate("ModelsDialog", "Close"))
        self._lay_out()
        self.add.clicked.connect(self._ask_folder)
        self.leave.clicked.connect(self.close)
        self.details.remove.clicked.connect(self._ask_removal)
        model.changed.add(self.refresh)
        self.refresh()
        open_at_its_size(self)
        self.list.setFocus()

    def refresh(self) -> None:
        """Show where things stand."""
        model = self._model
        show_text(self._trouble, "" if model.problem is None else model.problem.message)
        show_text(self.note, model.note)
        self.add.setEnabled(not model.is_busy)
        listed = model.listed
        if listed is None:
            self._room.setText(translate("ModelsDialog", "Looking for models…"))
        else:
            self._room.setText(
                translate(
                    "ModelsDialog", "Downloads go to {folder}; {size} are free there."
                ).format(folder=f"\u2066{listed.cache}\u2069", size=words.memory(listed.free_bytes))
            )

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        width, height = self.fontMetrics().averageCharWidth(), self.fontMetrics().lineSpacing()
        return QSize(max(1000, width * 130), max(620, height * 34))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Say so; downloads go on."""
        event.accept()
        self._model.close()
        self.ended.tell()

    def _lay_out(self) -> None:
        halves = QHBoxLayout()
        halves.setSpacing(14)
        self.list.setMinimumWidth(self.fontMetrics().averageCharWidth() * 66)
        halves.addWidget(self.list, 3)
        halves.addWidget(self.details, 2)
        row = QHBoxLayout()
        row.addWidget(self.add)
        row.addWidget(self._room, 1)
        row.addWidget(self.leave)
        whole = vbox(self, margin=12, spacing=10)
        whole.addLayout(halves, 1)
        whole.addWidget(self._trouble)
        whole.addWidget(self.note)
        whole.addLayout(row)

    def _ask_folder(self) -> None:
        title = translate("ModelsDialog", "Add a folder with models")
        ask_folder(self, title, lambda folder: self._model.add_folder(str(folder)))

    def _ask_removal(self) -> None:
        entry = self._model.entry
        if entry is None:
            return
        ask(
            self,
            translate("ModelsDialog", "Remove {title} from this computer?").format(
                title=entry_title(entry)
            ),
            [
                (
                    translate("ModelsDialog", "Remove it"),
                    QMessageBox.ButtonRole.DestructiveRole,
                    lambda: self._remove(entry.key),
                ),
                (translate("ModelsDialog", "Keep it"), QMessageBox.ButtonRole.RejectRole, None),
            ],
            default=1,
            details=translate(
                "ModelsDialog",
                "{size} will be freed. Other programs that use the Hugging Face cache lose it "
                "too; it can be downloaded again.",
            ).format(size=words.memory(self._model.frees_bytes)),
        )

    def _remove(self, key: str) -> None:
        if self._model.chosen == key:
            self._model.remove()


_KEY = Qt.ItemDataRole.UserRole


class ModelsList(QTreeWidget):
    """Shows a model's lines and chooses one."""

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
            head = QTreeWidgetItem([group_title(group)])
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
    texts = [entry_title(entry), entry_size(entry), memory_needed(entry)]
    item = QTreeWidgetItem(texts)
    item.setData(0, _KEY, entry.key)
    item.setToolTip(0, plain_tip(entry_path(entry) or texts[0]))
    item.setData(0, Qt.ItemDataRole.AccessibleTextRole, ", ".join(text for text in texts if text))
    return item


_BAR_STEPS = 1000


class Details(QWidget):
    """Shows the chosen line of a model."""

    def __init__(self, model: ModelsModel) -> None:
        super().__init__()
        self._model = model
        self._title = label(kind="heading")
        self._facts = label()
        self._problem = label(kind="warning")
        self._licence = label()
        self._licence.setTextFormat(Qt.TextFormat.RichText)
        self._licence.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByKeyboard
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
        )
        self._licence.setOpenExternalLinks(True)
        self._path = label(kind="quiet")
        self._path.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByKeyboard
            | Qt.TextInteractionFlag.TextSelectableByMouse
        )
        self._path.setAccessibleName(translate("ModelsDialog", "Where it is"))
        self.where = Collapsible(translate("ModelsDialog", "Where it is"), self._path)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(translate("ModelsDialog", "Progress of the download"))
        self._state = label()
        self.download = QPushButton()
        self.cancel = QPushButton(translate("ModelsDialog", "&Stop the download"))
        self.remove = QPushButton()
        self.forget = QPushButton(translate("ModelsDialog", "&Forget this folder"))
        self.forget.setToolTip(translate("ModelsDialog", "Its files stay as they are."))
        set_kind(self.download, "main")
        self._lay_out()
        self.download.clicked.connect(model.start_download)
        self.cancel.clicked.connect(model.cancel_download)
        self.forget.clicked.connect(model.forget_folder)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the chosen line."""
        model, entry = self._model, self._model.entry
        if entry is None:
            self._title.setText("")
            for widget in (self._facts, self._problem, self._licence, self.where):
                widget.hide()
        else:
            self._show(entry)
        self._show_download()
        self.download.setVisible(
            entry is not None and entry.group is Group.DOWNLOADABLE and not model.is_arriving
        )
        self.download.setEnabled(model.can_download)
        self.cancel.setVisible(model.is_arriving)
        self.remove.setVisible(model.frees_bytes > 0 and not model.is_arriving)
        self.remove.setEnabled(model.can_remove)
        self.forget.setVisible(model.can_forget)

    def _show(self, entry: Entry) -> None:
        self._title.setText(entry_title(entry))
        facts = entry_facts(entry)
        is_bad = entry.group is Group.REFUSED
        info = entry.what if isinstance(entry.what, ModelInfo) else None
        if info is not None and info.memory_problem is not None:
            self._problem.setText(memory_sentence(info))
        else:
            self._problem.setText("\n".join(facts) if is_bad else "")
        self._problem.setVisible(bool(self._problem.text()))
        show_text(self._facts, "" if is_bad else "\n".join(facts))
        self._show_licence(info)
        self._path.setText(entry_path(entry))
        self.where.setVisible(bool(self._path.text()))
        if info is None:
            return
        has_part = info.arrived_bytes > 0
        self.download.setText(
            translate("ModelsDialog", "Go on with the &download")
            if has_part
            else translate("ModelsDialog", "&Download")
        )
        self.remove.setText(
            translate("ModelsDialog", "&Remove what has arrived…")
            if has_part
            else translate("ModelsDialog", "&Remove…")
        )

    def _show_licence(self, info: ModelInfo | None) -> None:
        name = "" if info is None else info.licence
        if info is None or not (name or info.licence_url):
            self._licence.hide()
            return
        known = name or translate("ModelsDialog", "not known here")
        # both come from the engine, and are text all the same
        shown = known.replace("&", "&amp;").replace("<", "&lt;")
        if info.licence_url.startswith("https://"):
            shown = f'<a href="{info.licence_url}">{shown}</a>'
        self._licence.setText(translate("ModelsDialog", "Licence: {name}").format(name=shown))
        self._licence.show()

    def _show_download(self) -> None:
        download = self._model.download
        is_seen = download is not None and not download.state.is_final
        self._bar.setVisible(is_seen)
        self._state.setVisible(download is not None)
        if download is None:
            return
        self._state.setText(download_status(download))
        set_kind(self._state, "warning" if download.state is DownloadState.FAILED else "")
        if download.total_bytes:
            self._bar.setRange(0, _BAR_STEPS)
            self._bar.setValue(_BAR_STEPS * download.done_bytes // download.total_bytes)
        else:
            self._bar.setRange(0, 0)
        self._bar.setAccessibleDescription(words.memory(download.done_bytes))

    def _lay_out(self) -> None:
        frame, column = card()
        column.setSpacing(8)
        for widget in (
            self._title,
            self._facts,
            self._problem,
            self._licence,
            self.where,
            self._bar,
            self._state,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        whole = vbox(self)
        whole.addWidget(scrolling(frame), 1)
        # below each other: beside each other they would be too wide in large type
        for button in (self.remove, self.forget, self.cancel, self.download):
            whole.addWidget(button)
