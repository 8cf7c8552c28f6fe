"""A slider from one word to another."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.observers import Listeners


class WordSlider(QWidget):
    """A value from 0 to 1, with a name above it and words at its ends.

    Args:
        name: of the value
        low, high: what the ends mean
        tip: what it does

    Attributes:
        moved: told where somebody moved it
    """

    def __init__(self, name: str, low: str, high: str, tip: str) -> None:
        super().__init__()
        self.moved = Listeners[float]()
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 100)
        self._slider.setPageStep(10)
        self._slider.setAccessibleName(name)
        self._slider.setAccessibleDescription(f"{low} – {high}. {tip}")
        self.setToolTip(tip)
        self._name = QLabel(name)
        self._name.setBuddy(self._slider)
        self._value = QLabel()
        low_label, high_label = QLabel(low), QLabel(high)
        for label in (low_label, high_label, self._value):
            set_kind(label, "quiet")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        # by the layout, which turns with the language; a label goes by its own text
        leading, trailing = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        grid.addWidget(self._name, 0, 0, leading)
        grid.addWidget(self._value, 0, 1, trailing)
        grid.addWidget(self._slider, 1, 0, 1, 2)
        grid.addWidget(low_label, 2, 0, leading)
        grid.addWidget(high_label, 2, 1, trailing)
        self._slider.valueChanged.connect(self._on_moved)
        self.setFocusProxy(self._slider)
        self._show(0)

    @property
    def value(self) -> float:
        """Where it stands."""
        return self._slider.value() / 100

    def show_value(self, value: float) -> None:
        """Show a value; tells nobody."""
        if self._slider.isSliderDown():
            return
        self._slider.blockSignals(True)
        self._slider.setValue(round(100 * value))
        self._slider.blockSignals(False)
        self._show(self._slider.value())

    def _on_moved(self, value: int) -> None:
        self._show(value)
        self.moved.tell(value / 100)

    def _show(self, value: int) -> None:
        self._value.setText(f"{value}")
