"""The pages of the upscale dialog, over what a real engine said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fake_gateway import FakeGateway, FakeLater
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QWidget
from screenshot_material import SETTINGS, WINDOW, Material
from screenshot_stage import Page, SilentNotifier, Stage, spin, ways

from scalediff_engine.client.messages import (
    EventKind,
    JobEvent,
    JobState,
    SessionInfo,
    SessionState,
)
from scalediff_engine.ui.dialog import DialogModel
from scalediff_engine.ui.loupe.model import frame_of
from scalediff_engine.ui.origin import SessionOrigin
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.view.state import Mode
from scalediff_engine.ui.window import UpscaleWindow
from scalediff_engine.ui.workers import Workers

TITLE = "Lake at dawn"
# The variants that show more than the usual states, and those that show fewer.
MORE = ("dark", "german", "right-to-left")
LOUPE = ("dark", "german")
FEWER = ("200-percent", "large-letters")
OPTIONS = {"canvas_choices": "keep,grow,scale,new", "canvas": "grow"}


def pages(material: Material) -> tuple[Page, ...]:
    """Give the pages."""
    return (Page("upscale", lambda stage: _upscale(stage, material)),)


def _upscale(stage: Stage, material: Material) -> None:
    gateway, later = FakeGateway(), FakeLater()
    gateway.at_once["plan"] = lambda _: material.plan
    gateway.at_once["models"] = lambda: material.models
    origin, workers = SessionOrigin(gateway, "s"), Workers()
    dialog = DialogModel(gateway, later, origin, Memory(), lambda _: None, workers)
    window = UpscaleWindow(dialog, stage.look, SilentNotifier())
    window.offer(ways())
    window.resize(window.sizeHint())
    window.show()
    dialog.begin()
    info = SessionInfo("s", SessionState.OPEN, "i", "krita", TITLE, 1, SETTINGS, OPTIONS)
    gateway.last("session").succeed(info)
    gateway.last("image").succeed(material.source)
    later.pass_ms(500)
    stage.shoot(window, "upscale-settings")
    if stage.variant.name in MORE:
        _does_not_fit(stage, window, dialog, gateway, later, material)
    if stage.variant.name in LOUPE:
        _loupe(stage, window, dialog, gateway, later, material)
    dialog.start()
    gateway.last("submit").succeed(replace(material.job, state=JobState.QUEUED, progress=None))
    watch = gateway.last("watch")
    watch.say(material.event)
    gateway.last("preview").succeed(material.preview)
    if stage.variant.name not in FEWER:
        stage.shoot(window, "upscale-progress")
    watch.say(JobEvent(material.event.number + 1, EventKind.STATE, JobState.DONE))
    watch.succeed()
    gateway.last("job").succeed(material.job)
    gateway.last("result").succeed(material.result)
    window.view.zoom_to(1.5)
    stage.shoot(window, "upscale-compare")
    if stage.variant.name == "dark":
        window.view.set_mode(Mode.SIDE_BY_SIDE)
        stage.shoot(window, "upscale-side-by-side")
        window.view.set_mode(Mode.SPLIT)
    window.view.fit()
    if stage.variant.name not in FEWER:
        _drift(stage, window, dialog)
    window.close()
    workers.close()


def _drift(stage: Stage, window: UpscaleWindow, dialog: DialogModel) -> None:
    _press(window, lambda button: "(M)" in button.toolTip())
    while dialog.tries.current is not None and dialog.tries.current.drift is None:
        spin(50)
    stage.shoot(window, "upscale-drift")


def _loupe(
    stage: Stage,
    window: UpscaleWindow,
    dialog: DialogModel,
    gateway: FakeGateway,
    later: FakeLater,
    material: Material,
) -> None:
    """A look at a part, before the whole."""
    loupe, upscale = dialog.loupe, dialog.upscale
    assert loupe is not None
    assert upscale is not None
    loupe.toggle(True)
    loupe.hold(frame_of(WINDOW, upscale.source, upscale.result))
    later.pass_ms(500)
    loupe.start()
    gateway.last("submit").succeed(replace(material.job, state=JobState.QUEUED, progress=None))
    watch = gateway.last("watch")
    watch.say(JobEvent(1, EventKind.STATE, JobState.DONE))
    watch.succeed()
    gateway.last("result").succeed(material.look)
    _button(window, "(Z)").click()
    stage.shoot(window, "upscale-loupe")
    loupe.toggle(False)
    window.view.fit()


def _does_not_fit(
    stage: Stage,
    window: UpscaleWindow,
    dialog: DialogModel,
    gateway: FakeGateway,
    later: FakeLater,
    material: Material,
) -> None:
    """All options unfolded, and more asked for than there is memory."""
    upscale, panel = dialog.upscale, window.settings_panel
    assert upscale is not None
    assert panel is not None
    before = upscale.choices
    gateway.at_once["plan"] = lambda _: material.too_large
    upscale.change(replace(before, extent=replace(before.extent, scale=16.0)))
    later.pass_ms(500)
    _press(panel, lambda button: button.arrowType() != Qt.ArrowType.NoArrow)
    stage.shoot(window, "upscale-does-not-fit")
    _press(panel, lambda button: button.arrowType() != Qt.ArrowType.NoArrow)
    gateway.at_once["plan"] = lambda _: material.plan
    upscale.change(before)
    later.pass_ms(500)


def _button(window: QWidget, tip: str) -> QToolButton:
    return next(one for one in window.findChildren(QToolButton) if tip in one.toolTip())


def _press(window: QWidget, is_it: Callable[[QToolButton], bool]) -> None:
    for button in window.findChildren(QToolButton):
        if is_it(button):
            button.setChecked(not button.isChecked())
