"""Wheel events over the inputs of a panel."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPoint, QPointF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QScrollArea,
    QSlider,
    QWidget,
)

Input = QSlider | QAbstractSpinBox | QComboBox


def inputs_of(content: QWidget) -> list[Input]:
    """Return the inputs of a panel, all of them shown."""
    found = [
        *content.findChildren(QSlider),
        *content.findChildren(QAbstractSpinBox),
        *content.findChildren(QComboBox),
    ]
    for field in found:
        above: QWidget | None = field
        while above is not None and above is not content:
            above.show()
            above = above.parentWidget()
    return found


def value_of(field: Input) -> object:
    """Return what an input shows."""
    if isinstance(field, QSlider):
        return field.value()
    return field.currentIndex() if isinstance(field, QComboBox) else field.text()


def turn(field: QWidget, angle: int) -> None:
    """Turn the wheel over the middle of a widget, as the system reports it."""
    window = field.window()
    place = QPointF(field.mapTo(window, field.rect().center()))
    QTest.wheelEvent(window.windowHandle(), place, QPoint(0, angle))


def check_wheel(panel: QWidget) -> int:
    """Turn the wheel over each input of a shown panel; return the number of inputs."""
    (area,) = panel.findChildren(QScrollArea)
    bar = area.verticalScrollBar()
    fields = inputs_of(area.widget())
    QTest.qWaitForWindowExposed(panel.window())
    QCoreApplication.processEvents()  # lays out what was hidden
    for field in fields:
        name = f"{type(field).__name__} {field.accessibleName()}"
        if isinstance(field, QSlider):
            field.blockSignals(True)
            field.setValue(50)
            field.blockSignals(False)
        scrolled = 0
        for angle in (-120, 120):
            area.ensureWidgetVisible(field)
            if bar.value() == (bar.maximum() if angle < 0 else bar.minimum()):
                continue  # the panel is at its end
            before, position = value_of(field), bar.value()
            turn(field, angle)
            assert value_of(field) == before, name
            assert not field.hasFocus(), name
            assert (bar.value() > position) is (angle < 0), name
            assert bar.value() != position, name
            scrolled += 1
        assert scrolled, name
    return len(fields)
