"""How much larger all results are to be."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QWidget

from scalediff_engine.ui.language import translate
from scalediff_engine.ui.upscale.extent import MAX_SCALE, MIN_SCALE, Extent
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets.segmented import Segmented

_SCALES = (2.0, 3.0, 4.0, 6.0, 8.0)


class ScaleEditor(QWidget):
    """Edits the scale of a model: pictures of many sizes have nothing else in common.

    Args:
        model: of the settings
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        self._scales = Segmented(translate("Size", "Scale"), [f"{s:g}×" for s in _SCALES])
        self._scales.chosen.add(lambda index: self._change(_SCALES[index]))
        self._scale = QDoubleSpinBox()
        self._scale.setRange(MIN_SCALE, MAX_SCALE)
        self._scale.setDecimals(2)
        self._scale.setSingleStep(0.5)
        self._scale.setSuffix(" ×")
        self._scale.setAccessibleName(translate("Size", "Scale"))
        self._scale.setKeyboardTracking(False)
        self._scale.valueChanged.connect(self._change)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._scales, 1)
        row.addWidget(self._scale)
        self.setFocusProxy(self._scales)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        scale = self._model.choices.extent.scale
        self._scales.show_index(_SCALES.index(scale) if scale in _SCALES else -1)
        if not (self._scale.hasFocus() and self._scale.lineEdit().isModified()):
            self._scale.blockSignals(True)
            self._scale.setValue(scale)
            self._scale.blockSignals(False)

    def _change(self, scale: float) -> None:
        choices = self._model.choices
        self._model.change(replace(choices, extent=Extent(scale=scale, ppi=choices.extent.ppi)))
