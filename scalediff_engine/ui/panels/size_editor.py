"""How large the result is to be: scale, pixels, or millimetres at a resolution."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.upscale.extent import (
    MAX_PPI,
    MAX_SCALE,
    MIN_PPI,
    MIN_SCALE,
    Extent,
    Unit,
    to_mm,
)
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import Segmented

_UNITS = (Unit.SCALE, Unit.PIXELS, Unit.MILLIMETRES)
_SCALES = (2.0, 3.0, 4.0, 6.0, 8.0)


class SizeEditor(QWidget):
    """Edits the extent of a model.

    Args:
        model: of the dialog
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        self._units = Segmented(
            translate("Size", "Size in"),
            [
                translate("Size", "Scale"),
                translate("Size", "Pixels"),
                translate("Size", "Millimetres"),
            ],
        )
        self._units.chosen.add(lambda index: model.say_in(_UNITS[index]))
        self._pages = (self._scale_page(), self._pixels_page(), self._print_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self._units)
        for page in self._pages:
            column.addWidget(page)
        self.setFocusProxy(self._units)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        extent, source = self._model.choices.extent, self._model.source
        result = extent.result(source)
        index = _UNITS.index(extent.unit)
        self._units.show_index(index)
        for page in self._pages:
            page.setVisible(page is self._pages[index])
        scale = extent.scale_of(source)
        _show(self._scale, scale)
        self._scales.show_index(_SCALES.index(scale) if scale in _SCALES else -1)
        _show(self._width_px, result.width)
        _show(self._height_px, result.height)
        _show(self._width_mm, to_mm(result.width, extent.ppi))
        _show(self._height_mm, to_mm(result.height, extent.ppi))
        _show(self._ppi, extent.ppi)

    def _scale_page(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        self._scales = Segmented(translate("Size", "Scale"), [words.times(s) for s in _SCALES])
        self._scales.chosen.add(
            lambda index: self._change(replace(self._extent, scale=_SCALES[index]))
        )
        self._scale = QDoubleSpinBox()
        self._scale.setRange(MIN_SCALE, MAX_SCALE)
        self._scale.setDecimals(2)
        self._scale.setSingleStep(0.5)
        self._scale.setSuffix(" ×")
        self._scale.setAccessibleName(translate("Size", "Scale"))
        self._scale.valueChanged.connect(
            lambda value: self._change(replace(self._extent, scale=value))
        )
        row.addWidget(self._scales, 1)
        row.addWidget(self._scale)
        return page

    def _pixels_page(self) -> QWidget:
        source = self._model.source
        self._width_px, self._height_px = QSpinBox(), QSpinBox()
        self._width_px.setRange(source.width, round(source.width * MAX_SCALE))
        self._height_px.setRange(source.height, round(source.height * MAX_SCALE))
        for field in (self._width_px, self._height_px):
            field.setSuffix(" px")
            field.setSingleStep(64)
            field.setKeyboardTracking(False)
        self._width_px.valueChanged.connect(
            lambda value: self._change(replace(self._extent, width_px=value))
        )
        self._height_px.valueChanged.connect(
            lambda value: self._change(self._extent.with_height_px(value, source))
        )
        return _pair(self._width_px, self._height_px)

    def _print_page(self) -> QWidget:
        source = self._model.source
        self._width_mm, self._height_mm, self._ppi = (QDoubleSpinBox() for _ in range(3))
        for field in (self._width_mm, self._height_mm):
            field.setRange(0.1, 100_000)
            field.setDecimals(1)
            field.setSuffix(" mm")
        self._ppi.setRange(MIN_PPI, MAX_PPI)
        self._ppi.setDecimals(0)
        self._ppi.setSingleStep(50)
        self._ppi.setSuffix(translate("Size", " ppi"))
        self._ppi.setAccessibleName(translate("Size", "Resolution in pixels per inch"))
        for field in (self._width_mm, self._height_mm, self._ppi):
            field.setKeyboardTracking(False)
        self._width_mm.valueChanged.connect(
            lambda value: self._change(replace(self._extent, width_mm=value))
        )
        self._height_mm.valueChanged.connect(
            lambda value: self._change(self._extent.with_height_mm(value, source))
        )
        self._ppi.valueChanged.connect(lambda value: self._change(replace(self._extent, ppi=value)))
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(_pair(self._width_mm, self._height_mm))
        row = QHBoxLayout()
        row.addWidget(QLabel(translate("Size", "Resolution")))
        row.addWidget(self._ppi, 1)
        column.addLayout(row)
        return whole

    @property
    def _extent(self) -> Extent:
        return self._model.choices.extent

    def _change(self, extent: Extent) -> None:
        self._model.change(replace(self._model.choices, extent=extent))


def _pair(width: QWidget, height: QWidget) -> QWidget:
    """Give width and height side by side."""
    width.setAccessibleName(translate("Size", "Width"))
    height.setAccessibleName(translate("Size", "Height"))
    page = QWidget()
    grid = QGridLayout(page)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.addWidget(width, 0, 0)
    grid.addWidget(QLabel("×"), 0, 1)
    grid.addWidget(height, 0, 2)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(2, 1)
    return page


def _show(field: QSpinBox | QDoubleSpinBox, value: float) -> None:
    """Show a value; tells nobody, and leaves alone what is being typed."""
    if field.hasFocus() and field.lineEdit().isModified():
        return
    field.blockSignals(True)
    if isinstance(field, QSpinBox):
        field.setValue(round(value))
    else:
        field.setValue(value)
    field.blockSignals(False)
