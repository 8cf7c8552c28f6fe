"""What is to be known of the chosen line, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from scalediff_engine.client.messages import DownloadState, ModelInfo
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.models import sentences
from scalediff_engine.ui.models.model import Entry, Group, ModelsModel
from scalediff_engine.ui.widgets import Fold, card, label, scrolling

_BAR_STEPS = 1000


class Details(QWidget):
    """Shows the chosen line of a model.

    Args:
        model: of the dialog
    """

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
        self.where = Fold(translate("ModelsDialog", "Where it is"), self._path)
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
        self._title.setText(sentences.title(entry))
        facts = sentences.facts(entry)
        is_bad = entry.group is Group.REFUSED
        info = entry.what if isinstance(entry.what, ModelInfo) else None
        if info is not None and info.memory_problem is not None:
            self._problem.setText(sentences.memory(info))
        else:
            self._problem.setText("\n".join(facts) if is_bad else "")
        self._problem.setVisible(bool(self._problem.text()))
        self._facts.setText("" if is_bad else "\n".join(facts))
        self._facts.setVisible(bool(self._facts.text()))
        self._show_licence(info)
        self._path.setText(sentences.path(entry))
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
        self._state.setText(sentences.download(download))
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
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolling(frame), 1)
        # below each other: beside each other they would be too wide in large type
        for button in (self.remove, self.forget, self.cancel, self.download):
            whole.addWidget(button)
