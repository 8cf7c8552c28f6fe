"""How colours come to the screen: edges that can be seen, words that are not cut off."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, models, picture, plan_for, progress
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from scalediff_engine.client.messages import JobState, Problem, SessionInfo, SessionState
from scalediff_engine.ui import picture as picture_module
from scalediff_engine.ui.dialog import DialogModel
from scalediff_engine.ui.look import COLOURS, Desktop, Look, Scheme, contrast, desktop, set_kind
from scalediff_engine.ui.origin import SessionOrigin
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.widgets import Collapsible
from scalediff_engine.ui.window import UpscaleWindow


@pytest.fixture
def looks(app: QApplication) -> Generator[Callable[[Scheme], None]]:
    yield lambda scheme: Look(scheme).put_on(app)
    Look(Scheme.DARK).put_on(app)


def choice() -> QToolButton:
    found = QToolButton()
    set_kind(found, "choice")
    return found


def slider() -> QSlider:
    found = QSlider(Qt.Orientation.Horizontal)
    found.setValue(50)
    return found


KINDS: list[Callable[[], QWidget]] = [
    QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QListWidget, QPushButton,
    QCheckBox, QProgressBar, slider, choice,
]  # fmt: skip


def best_contrast(widget: QWidget, scheme: Scheme) -> float:
    """Return the highest contrast to the window of anything that the widget draws."""
    ground = COLOURS[scheme].window
    pixels = picture_module.pixels_of(widget.grab().toImage()).reshape(-1, 4)
    colours, counts = np.unique(pixels[:, 2::-1], axis=0, return_counts=True)
    drawn = [
        "#{:02x}{:02x}{:02x}".format(*colour)
        for colour, count in zip(colours, counts, strict=True)
        if count >= 20
    ]
    return max(contrast(colour, ground) for colour in drawn)


@pytest.mark.parametrize("scheme", Scheme)
def test_the_edge_of_each_control_stands_out(
    looks: Callable[[Scheme], None], scheme: Scheme
) -> None:
    looks(scheme)
    found = {kind.__name__: contrast_shown_alone(kind, scheme) for kind in KINDS}
    assert {name: seen for name, seen in found.items() if seen < 3} == {}


def contrast_shown_alone(kind: Callable[[], QWidget], scheme: Scheme) -> float:
    ground = QWidget()
    column = QVBoxLayout(ground)
    widget = kind()
    column.addWidget(widget)
    ground.resize(200, 60)
    ground.show()
    return best_contrast(widget, scheme)


@pytest.mark.parametrize(
    ("hint", "is_dark"),
    [
        (Qt.ColorScheme.Dark, True),
        (Qt.ColorScheme.Light, False),
        (Qt.ColorScheme.Unknown, None),
    ],
)
def test_the_desktops_colour_scheme_is_read(hint: Qt.ColorScheme, is_dark: bool | None) -> None:
    # Qt's platform for tests has no colour scheme that could be set
    app: Any = SimpleNamespace(styleHints=lambda: SimpleNamespace(colorScheme=lambda: hint))
    assert desktop(app) == Desktop(is_dark, wants_contrast=False)


@pytest.fixture
def shown(app: QApplication, gateway: FakeGateway, later: FakeLater) -> Generator[UpscaleWindow]:
    """A window that was made with the font of the program."""
    gateway.at_once.update(plan=plan_for, models=models)
    dialog = DialogModel(gateway, later, SessionOrigin(gateway, "s"), Memory(), lambda _: None)
    window = UpscaleWindow(dialog, Look(Scheme.DARK), NoNotifier())
    window.resize(window.sizeHint())
    window.show()
    dialog.begin()
    options = {"canvas_choices": "keep,grow,scale,new"}
    info = SessionInfo("s", SessionState.OPEN, "i", "krita", "Layer 3", 1, options=options)
    gateway.last("session").succeed(info)
    gateway.last("image").succeed(picture(64, 48))
    yield window
    window.hide()


class NoNotifier:
    def begin(self, on_click: object) -> bool:
        return True

    def say(self, title: str, text: str) -> None: ...

    def end(self) -> None: ...


@pytest.fixture(params=[1.0, 1.5, 2.0], ids=["100", "150", "200"])
def enlarged(app: QApplication, request: pytest.FixtureRequest) -> Generator[float]:
    before = app.font()
    font = app.font()
    font.setPointSizeF(font.pointSizeF() * request.param)
    app.setFont(font)
    yield request.param
    app.setFont(before)


def clipped(window: QWidget) -> list[str]:
    """Words that need more room than they have."""
    found: list[str] = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible():
            continue
        if isinstance(widget, QLabel) and widget.text():
            needed = widget.sizeHint()
            height = needed.height()
            if widget.wordWrap():
                height = widget.heightForWidth(widget.width())
            is_cut = widget.height() < height or (
                not widget.wordWrap() and widget.width() < needed.width()
            )
        elif isinstance(widget, QPushButton | QToolButton | QComboBox | QCheckBox | QSpinBox):
            least = widget.minimumSizeHint()
            is_cut = widget.width() < least.width() or widget.height() < least.height()
        else:
            continue
        across = widget.visibleRegion().boundingRect()
        if not across.isEmpty():  # scrolled up or down, but not to the side
            is_cut = is_cut or across.width() < widget.width()
        if is_cut:
            found.append(f"{widget} {getattr(widget, 'text', str)()} {widget.geometry()}")
    return found


def overlapping(window: QWidget) -> list[str]:
    """What reaches out of the window, but for what can be scrolled to."""
    outside: list[str] = []
    for widget in window.findChildren(QPushButton):
        corner = widget.mapTo(window, widget.rect().bottomRight())
        if widget.isVisible() and not window.rect().contains(corner):
            outside.append(widget.text())
    return outside


@pytest.mark.parametrize("direction", list(Qt.LayoutDirection)[:2], ids=["ltr", "rtl"])
def test_large_letters_are_not_cut_off(
    app: QApplication,
    enlarged: float,
    direction: Qt.LayoutDirection,
    request: pytest.FixtureRequest,
    gateway: FakeGateway,
    later: FakeLater,
) -> None:
    app.setLayoutDirection(direction)
    try:
        window: UpscaleWindow = request.getfixturevalue("shown")
        dialog = window._dialog

        def require_room(where: str) -> None:
            QTest.qWait(20)
            assert window.width() <= 1900, where
            assert clipped(window) == [], where
            assert overlapping(window) == [], where

        require_room("choosing")
        problem = Problem("not-enough-memory", "It needs 9.4 GiB.")
        gateway.at_once["plan"] = lambda asked: replace(plan_for(asked, problem), fits_scale=2.5)
        assert dialog.upscale is not None
        dialog.upscale.throw_dice()
        later.pass_ms(500)
        require_room("what does not fit")
        for fold in window.findChildren(Collapsible):
            fold.unfold(True)
        require_room("unfolded")
        gateway.at_once["plan"] = plan_for
        dialog.upscale.make_it_fit()
        later.pass_ms(500)
        dialog.start()
        gateway.last("submit").succeed(job(state=JobState.QUEUED))
        watch = gateway.last("watch")
        watch.say(event(1, progress=progress(0.5, 100.0)))
        require_room("running")
        watch.say(event(2, JobState.DONE))
        watch.succeed()
        gateway.last("job").succeed(job(state=JobState.DONE, recipe='{"seed": 0}'))
        gateway.last("result").succeed(picture(256, 192))
        require_room("comparing")
    finally:
        app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
