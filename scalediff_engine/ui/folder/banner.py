"""A line on top that offers a batch of an earlier dialog."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from scalediff_engine.client.batches import BatchInfo, BatchState, FileState
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.widgets import card, label

_LEFT = (FileState.WAITING.value, FileState.RUNNING.value)


class UnfinishedBanner(QWidget):
    """Offers the newest unfinished batch of a model.

    Args:
        model: of the dialog
    """

    def __init__(self, model: FolderModel) -> None:
        super().__init__()
        self._model = model
        frame, column = card()
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
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
            self._text.setText(_sentence(model.unfinished[0], len(model.unfinished)))
        self.setVisible(is_seen)

    def _on_show(self) -> None:
        if self._model.unfinished:
            self._model.show_batch(self._model.unfinished[0].id)


def _sentence(info: BatchInfo, count: int) -> str:
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
