"""The choice of the method, in both dialogs: what it hides, what it asks for, by keys alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_gateway import FakeGateway, FakeLater, models, plan_for
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QSlider, QToolButton, QWidget

from scalediff_engine.base.geometry import Size
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.panels.settings_panel import MoreOptions, SettingsPanel
from scalediff_engine.ui.upscale.model import PLAN_DELAY_MS, UpscaleModel
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.widgets import Collapsible, Segmented


@pytest.fixture
def model(gateway: FakeGateway, later: FakeLater) -> UpscaleModel:
    gateway.at_once.update(plan=plan_for, models=models)
    found = UpscaleModel(gateway, later, Size(64, 48), Memory())
    found.begin()
    return found


@pytest.fixture
def panel(app: QApplication, model: UpscaleModel) -> SettingsPanel:
    found = SettingsPanel(model, Look(Scheme.DARK).colours)
    found.resize(420, 900)
    found.show()
    QTest.qWaitForWindowActive(found)
    return found


def methods(panel: QWidget) -> Segmented:
    return next(one for one in panel.findChildren(Segmented) if one.accessibleName() == "Method")


def named(panel: QWidget) -> set[str]:
    """What can be read above the fields that are to be seen."""
    return {one.text() for one in panel.findChildren(QLabel) if one.isVisibleTo(panel)}


OF_DIFFUSION = {"Model", "Prompt", "Creativity", "Structure", "Quality", "Seed"}


def test_with_fast_only_what_it_hears_of_is_offered_and_it_says_why(
    panel: SettingsPanel, model: UpscaleModel
) -> None:
    assert named(panel) >= OF_DIFFUSION
    methods(panel).button(1).click()
    assert model.choices.is_fast
    assert not named(panel) & OF_DIFFUSION
    assert {"Size", "Method"} <= named(panel)
    assert any("hears of the picture alone" in text for text in named(panel))
    assert not [one for one in panel.findChildren(QSlider) if one.isVisibleTo(panel)]
    methods(panel).button(0).click()
    assert named(panel) >= OF_DIFFUSION
    assert not any("hears of the picture alone" in text for text in named(panel))


def test_a_result_can_be_asked_for_without_metadata_with_either_method(
    panel: SettingsPanel, model: UpscaleModel
) -> None:
    panel.findChildren(Collapsible)[0].unfold(True)
    for method in ("scalediff", "fast"):
        model.change(replace(model.choices, method=method, strip=False))
        box = next(b for b in panel.findChildren(QCheckBox) if b.text() == "Write no metadata")
        assert box.isVisibleTo(panel)
        assert not box.isChecked()
        box.click()
        assert model.choices.settings(Size(8, 8)).strip


def test_of_the_further_options_the_limit_of_memory_stays(
    panel: SettingsPanel, model: UpscaleModel
) -> None:
    more = panel.findChild(MoreOptions)
    assert isinstance(more, MoreOptions)
    panel.findChildren(Collapsible)[0].unfold(True)
    assert {"Steps of a stage", "Memory it may take"} <= named(more)
    model.change(replace(model.choices, method="fast"))
    assert named(more) == {"Memory it may take"}


def test_the_cost_is_that_of_the_method(
    panel: SettingsPanel, model: UpscaleModel, gateway: FakeGateway, later: FakeLater
) -> None:
    gateway.at_once["plan"] = lambda request: replace(
        plan_for(request, seconds=2.0 if request.settings.method == "fast" else 90.0),
        device="the CPU",
    )
    methods(panel).button(1).click()
    later.pass_ms(PLAN_DELAY_MS)
    assert {"about 2 s", "the processor"} <= named(panel)


def test_it_is_reached_and_chosen_by_keys_and_has_a_name(
    panel: SettingsPanel, model: UpscaleModel
) -> None:
    chooser = methods(panel)
    names = [chooser.button(index).accessibleName() for index in (0, 1)]
    assert names == ["Method: ScaleDiff", "Method: Fast"]
    assert all(chooser.button(index).accessibleDescription() for index in (0, 1))
    chooser.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(chooser.button(0), Qt.Key.Key_Right)
    assert model.choices.is_fast
    QTest.keyClick(chooser.button(1), Qt.Key.Key_Left)
    assert not model.choices.is_fast


def test_tab_passes_over_what_is_hidden(panel: SettingsPanel, model: UpscaleModel) -> None:
    model.change(replace(model.choices, method="fast"))
    methods(panel).button(1).setFocus(Qt.FocusReason.TabFocusReason)
    seen: list[QWidget] = []
    for _ in range(12):
        QTest.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
        found = panel.focusWidget()
        assert found.isVisibleTo(panel)
        seen.append(found)
    assert any(isinstance(one, QToolButton) for one in seen)
