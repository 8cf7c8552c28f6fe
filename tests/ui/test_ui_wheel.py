"""The wheel over the inputs of a panel scrolls the panel."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from fake_gateway import FakeGateway, FakeLater, models, plan_for
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QSpinBox, QVBoxLayout, QWidget
from wheel import check_wheel, turn

from scalediff_engine.base.geometry import Size
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.panels.settings_panel import SettingsPanel
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.widgets import scrolling


def test_the_wheel_scrolls_the_settings_and_changes_no_input(
    app: QApplication, gateway: FakeGateway, later: FakeLater
) -> None:
    gateway.at_once.update(plan=plan_for, models=models)
    panel = SettingsPanel(
        UpscaleModel(gateway, later, Size(640, 480), Memory()), Look(Scheme.DARK).colours
    )
    panel.resize(420, 400)
    panel.show()
    assert check_wheel(panel) >= 10


@pytest.fixture
def fields(app: QApplication) -> Generator[tuple[QSpinBox, QSpinBox]]:
    """Two inputs in a panel that is higher than its window."""
    content = QWidget()
    content.setMinimumHeight(2000)
    column = QVBoxLayout(content)
    first, second = QSpinBox(), QSpinBox()
    column.addWidget(first, 0, Qt.AlignmentFlag.AlignTop)
    column.addWidget(second, 0, Qt.AlignmentFlag.AlignTop)
    column.addStretch(1)
    area = scrolling(content)
    area.resize(300, 200)
    first.setValue(5)
    area.show()
    assert QTest.qWaitForWindowActive(area)
    yield first, second
    area.hide()


def test_after_a_click_the_wheel_changes_an_input(fields: tuple[QSpinBox, QSpinBox]) -> None:
    first, _ = fields
    QTest.mouseClick(first.lineEdit(), Qt.MouseButton.LeftButton)
    turn(first, 120)
    assert first.value() == 6
    turn(first, -120)
    assert first.value() == 5


def test_after_tab_the_wheel_scrolls(fields: tuple[QSpinBox, QSpinBox]) -> None:
    first, second = fields
    QTest.mouseClick(first.lineEdit(), Qt.MouseButton.LeftButton)
    QTest.keyClick(first, Qt.Key.Key_Tab)
    assert second.hasFocus()
    for field in fields:
        turn(field, 120)
    assert [field.value() for field in fields] == [5, 0]
