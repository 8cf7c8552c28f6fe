"""Which model is to work."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox

from scalediff_engine.client.messages import ModelInfo
from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets.form import plain_tip

_OURS = "embedded"


class ModelPicker(QComboBox):
    """Edits the model's name; those that are not here can be seen and not taken.

    Args:
        model: of the dialog
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        self._listed: tuple[ModelInfo, ...] | None = None
        self.setAccessibleName(translate("Models", "Model"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.activated.connect(self._on_activated)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the list, and which one is chosen."""
        chosen = self._model.choices.model
        if self._listed != self._model.models:
            self._listed = self._model.models
            self._fill()
        index = self.findData(chosen)
        if index < 0:
            self.addItem(chosen, chosen)
            index = self.count() - 1
        self.setCurrentIndex(index)
        problem = self._model.models_problem
        self.setToolTip("" if problem is None else problem.message)

    def _fill(self) -> None:
        self.clear()
        items = self.model()
        assert isinstance(items, QStandardItemModel)
        listed = self._listed or ()
        for info in sorted(listed, key=lambda info: not info.installed):
            title = info.title
            if info.name == _OURS:
                title = translate("Models", "ScaleDiff's own, comes with the program")
            if not info.installed:
                title = translate("Models", "{title} – not on this computer").format(title=title)
            item = QStandardItem(title)
            item.setData(info.name, 0x100)  # Qt.UserRole
            item.setEnabled(info.installed)
            if info.size_bytes:
                item.setToolTip(plain_tip(f"{info.name}, {words.memory(info.size_bytes)}"))
            items.appendRow(item)

    def _on_activated(self, index: int) -> None:
        name = self.itemData(index)
        if isinstance(name, str):
            self._model.change(replace(self._model.choices, model=name))
