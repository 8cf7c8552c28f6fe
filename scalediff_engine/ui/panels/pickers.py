"""What both settings panels choose with: seed, method, model, size of the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.client.messages import ModelInfo
from scalediff_engine.ui import icons, words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Colours
from scalediff_engine.ui.upscale.choices import (
    MAX_PPI,
    MAX_SCALE,
    MAX_SEED,
    METHODS,
    MIN_PPI,
    MIN_SCALE,
    Extent,
    Unit,
    to_mm,
)
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.widgets import Segmented, label, plain_tip


class SeedEditor(QWidget):
    """Edits the seed of a model.

    Args:
        model: of the dialog
        colours: of the look
    """

    def __init__(self, model: UpscaleModel, colours: Colours) -> None:
        super().__init__()
        self._model = model
        self._closed = icons.lock(colours.text, is_closed=True)
        self._open = icons.lock(colours.text, is_closed=False)
        self._number = QSpinBox()
        self._number.setRange(0, MAX_SEED)
        self._number.setKeyboardTracking(False)
        self._number.setAccessibleName(translate("Seed", "Seed"))
        self._lock = QToolButton()
        self._lock.setCheckable(True)
        self._lock.setAccessibleName(translate("Seed", "Keep the seed for the next try"))
        self._dice = QToolButton()
        self._dice.setIcon(icons.dice(colours.text))
        self._dice.setToolTip(translate("Seed", "Another seed"))
        self._dice.setAccessibleName(translate("Seed", "Another seed"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._number, 1)
        row.addWidget(self._lock)
        row.addWidget(self._dice)
        self.setFocusProxy(self._number)
        self._number.valueChanged.connect(
            lambda value: model.change(replace(model.choices, seed=value))
        )
        self._lock.toggled.connect(
            lambda is_on: model.change(replace(model.choices, seed_is_locked=is_on))
        )
        self._dice.clicked.connect(model.throw_dice)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        choices = self._model.choices
        self._number.blockSignals(True)
        self._number.setValue(min(MAX_SEED, choices.seed))
        self._number.blockSignals(False)
        self._lock.setChecked(choices.seed_is_locked)
        self._lock.setIcon(self._closed if choices.seed_is_locked else self._open)
        self._lock.setToolTip(
            translate("Seed", "The next try has the same seed")
            if choices.seed_is_locked
            else translate("Seed", "The next try has another seed")
        )


class MethodPicker(QWidget):
    """Edits the method of a model, and hides what the fast one has no use for.

    Args:
        model: of the dialog
    """

    def __init__(self, model: UpscaleModel) -> None:
        super().__init__()
        self._model = model
        self._of_diffusion: tuple[QWidget, ...] = ()
        name = translate("Settings", "Method")
        tips = (
            translate("Settings", "A diffusion model draws new detail, step by step"),
            translate("Settings", "A small network enlarges in one pass and adds nothing"),
        )
        self._methods = Segmented(name, ["ScaleDiff", translate("Settings", "Fast")])
        for index, tip in enumerate(tips):
            self._methods.button(index).setToolTip(tip)
            self._methods.button(index).setAccessibleDescription(tip)
        self._why = label(
            translate(
                "Settings",
                "Quick, on the processor, and sharper than plain enlarging; nothing is invented. "
                "There is no model, prompt, creativity, quality or seed to choose: the network "
                "hears of the picture alone.",
            ),
            "quiet",
        )
        self._why.setAccessibleName(translate("Settings", "What the fast method does"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self._methods)
        column.addWidget(self._why)
        self.setFocusProxy(self._methods)
        self._methods.chosen.add(self._choose)
        model.changed.add(self.refresh)
        self.refresh()

    def hide_with_fast(self, widgets: Iterable[QWidget]) -> None:
        """Show these with diffusion alone."""
        self._of_diffusion = tuple(widgets)
        self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        is_fast = self._model.choices.is_fast
        self._methods.show_index(METHODS.index(self._model.choices.method))
        self._why.setVisible(is_fast)
        for widget in self._of_diffusion:
            widget.setVisible(not is_fast)

    def _choose(self, index: int) -> None:
        self._model.change(replace(self._model.choices, method=METHODS[index]))


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
    """Show a value without signals, unless the user is typing."""
    if field.hasFocus() and field.lineEdit().isModified():
        return
    field.blockSignals(True)
    if isinstance(field, QSpinBox):
        field.setValue(round(value))
    else:
        field.setValue(value)
    field.blockSignals(False)
