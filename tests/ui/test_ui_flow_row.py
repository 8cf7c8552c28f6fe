"""Buttons that stand in two rows where one has no room."""

from __future__ import annotations

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from scalediff_engine.ui.widgets import FlowRow


def test_there_is_one_row_or_two_as_the_width_is(app: QApplication) -> None:
    window = QWidget()
    bar = FlowRow()
    bar.setParent(window)
    first, second = QPushButton("Fit all of it"), QPushButton("Side by side")
    bar.first.addWidget(first)
    bar.second.addWidget(second)
    window.show()
    whole = first.sizeHint().width() + second.sizeHint().width()
    assert bar.minimumSizeHint().width() < whole
    for width, is_stacked in ((whole + 60, False), (whole - 20, True), (whole + 60, False)):
        bar.setGeometry(0, 0, width, 80)
        QTest.qWait(1)
        assert bar.is_stacked is is_stacked
        here, there = (one.mapTo(bar, one.rect().topLeft()) for one in (first, second))
        assert (there.y() > here.y()) is is_stacked
        assert (there.x() > here.x()) is not is_stacked
    bar.setGeometry(0, 0, whole - 20, 80)
    second.hide()
    bar.arrange()
    assert not bar.is_stacked
    window.hide()
