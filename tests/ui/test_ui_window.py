"""The window over a scripted engine: from open to accept by clicks and keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, models, picture, plan_for, progress
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QListWidget,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollBar,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)

from scalediff_engine.client.messages import JobState, Problem, SessionInfo, SessionState
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.origin import SessionOrigin
from scalediff_engine.ui.upscale.choices import Unit
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.view.state import Mode
from scalediff_engine.ui.view.view_bar import ViewBar
from scalediff_engine.ui.window import UpscaleWindow
from scalediff_engine.ui.window_base import FocusRing

SESSION = SessionInfo("s", SessionState.OPEN, "i", "krita", "Layer 3", 1)
LEFT = Qt.MouseButton.LeftButton


class FakeNotifier:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_there = False
        self.on_click: Callable[[], None] = lambda: None

    def begin(self, on_click: Callable[[], None]) -> bool:
        self.is_there, self.on_click = True, on_click
        return True

    def say(self, title: str, text: str) -> None:
        self.said.append(f"{title}: {text}")

    def end(self) -> None:
        self.is_there = False


@pytest.fixture
def notifier() -> FakeNotifier:
    return FakeNotifier()


@pytest.fixture
def dialog(app: QApplication, gateway: FakeGateway, later: FakeLater) -> DialogModel:
    gateway.at_once.update(plan=plan_for, models=models)
    return DialogModel(gateway, later, SessionOrigin(gateway, "s"), Memory(), lambda _: None)


@pytest.fixture
def window(dialog: DialogModel, gateway: FakeGateway, notifier: FakeNotifier) -> UpscaleWindow:
    found = UpscaleWindow(dialog, Look(Scheme.DARK), notifier)
    found.resize(1180, 760)
    found.show()
    dialog.begin()
    gateway.last("session").succeed(SESSION)
    gateway.last("image").succeed(picture(64, 48))
    QTest.qWaitForWindowActive(found)
    return found


def button(window: QWidget, text: str) -> QPushButton:
    """The visible button of this name."""
    found = [
        one
        for one in window.findChildren(QPushButton)
        if one.text().replace("&", "") == text and one.isVisible()
    ]
    assert len(found) == 1, [one.text() for one in window.findChildren(QPushButton)]
    return found[0]


def labels(window: QWidget) -> str:
    """All that can be read."""
    from PySide6.QtWidgets import QLabel

    return "\n".join(
        one.text().replace("\u2066", "").replace("\u2069", "")
        for one in window.findChildren(QLabel)
        if one.isVisible()
    )


def run(window: UpscaleWindow, gateway: FakeGateway, job_id: str = "j1") -> None:
    QTest.mouseClick(button(window, "Upscale"), LEFT)
    gateway.last("submit").succeed(job(job_id, JobState.QUEUED))


def finish(gateway: FakeGateway, job_id: str = "j1") -> None:
    watch = gateway.last("watch")
    watch.say(event(1, JobState.DONE))
    watch.succeed()
    gateway.last("job").succeed(job(job_id, JobState.DONE, recipe='{"seed": 0}'))
    gateway.last("result").succeed(picture(256, 192))


def test_from_open_to_accept_by_clicks(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    assert "Layer 3" in labels(window)
    assert "256 × 192 px" in labels(window)
    assert "about 2 min 10 s" in labels(window)
    assert "5 GiB of 8 GiB" in labels(window)
    run(window, gateway)
    gateway.last("watch").say(event(1, progress=progress(0.5, 100.0)))
    assert "About 1 min 40 s left" in labels(window)
    assert "Stage 1 of 2, step 3 of 8" in labels(window)
    finish(gateway)
    assert "Result: 64 × 48 px" in labels(window)
    QTest.mouseClick(button(window, "Accept"), LEFT)
    gateway.last("answer_session").succeed(SESSION)
    assert dialog.phase is Phase.ENDED
    assert not window.isVisible()


def test_by_keys_alone(window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_Return, control)
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    assert dialog.phase is Phase.RUNNING
    finish(gateway)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert dialog.phase is Phase.CHOOSING
    dialog.compare()
    QTest.keyClick(window, Qt.Key.Key_Return, control)
    assert gateway.last("answer_session").args[1].accepted


def test_every_setting_can_be_reached_with_tab(window: UpscaleWindow) -> None:
    window.activateWindow()
    reached: set[QWidget] = set()
    for _ in range(80):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        focused = window.focusWidget()
        assert focused is not None
        reached.add(focused)
    panel = window.settings_panel
    assert panel is not None
    kinds = (QComboBox, QSpinBox, QDoubleSpinBox, QSlider, QPlainTextEdit, QPushButton)
    for kind in kinds:
        for widget in panel.findChildren(kind):
            if widget.isVisible() and widget.isEnabled():
                assert widget in reached, widget.accessibleName() or widget


def test_the_focus_is_seen(window: UpscaleWindow) -> None:
    window.activateWindow()
    ring = window.findChild(FocusRing)
    assert isinstance(ring, FocusRing)
    assert not ring.isVisible()
    QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
    focused = window.focusWidget()
    assert focused is not None
    assert ring.isVisible()
    place = focused.rect().translated(focused.mapTo(window, focused.rect().topLeft()))
    assert ring.geometry().contains(place)


def test_everything_that_takes_keys_has_a_name(window: UpscaleWindow, gateway: FakeGateway) -> None:
    run(window, gateway)
    finish(gateway)
    kinds = (
        QComboBox, QSpinBox, QDoubleSpinBox, QSlider, QPlainTextEdit, QPushButton, QToolButton,
        QListWidget, QProgressBar, QLineEdit,
    )  # fmt: skip
    for kind in kinds:
        for widget in window.findChildren(kind):
            # what Qt makes for itself inside others
            if isinstance(widget, QScrollBar) or widget.objectName().startswith("qt_"):
                continue
            text = widget.text() if isinstance(widget, QPushButton | QToolButton) else ""
            assert widget.accessibleName() or text, widget


def test_what_does_not_fit_is_said_and_cannot_be_started(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway, later: FakeLater
) -> None:
    problem = Problem("not-enough-memory", "This needs 9.4 GiB. 3072x3072 would fit.")
    gateway.at_once["plan"] = lambda request: plan_for(request, problem)
    assert dialog.upscale is not None
    dialog.upscale.say_in(Unit.PIXELS)
    later.pass_ms(500)
    assert "3072x3072 would fit" in labels(window)
    assert not button(window, "Upscale").isEnabled()


def test_what_would_fit_is_one_click_away(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway, later: FakeLater
) -> None:
    problem = Problem("not-enough-memory", "An English sentence of the engine.")
    gateway.at_once["plan"] = lambda request: replace(plan_for(request, problem), fits_scale=2.5)
    assert dialog.upscale is not None
    dialog.upscale.say_in(Unit.PIXELS)
    later.pass_ms(500)
    assert "This needs 5\u00a0GiB of memory, and there are 8\u00a0GiB." in labels(window)
    gateway.at_once["plan"] = plan_for
    fit = button(window, "Make it fit: \u2066160 × 120\u2069 px")
    QTest.mouseClick(fit, LEFT)
    later.pass_ms(500)
    assert dialog.upscale.result == (160, 120)
    assert not fit.isVisible()
    assert button(window, "Upscale").isEnabled()


def test_cancel_is_back_at_once(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    run(window, gateway)
    QTest.mouseClick(button(window, "Cancel"), LEFT)
    assert button(window, "Upscale").isVisible()


def test_a_failure_is_said_where_it_is_looked_for(
    window: UpscaleWindow, gateway: FakeGateway
) -> None:
    run(window, gateway)
    watch = gateway.last("watch")
    watch.say(event(1, JobState.FAILED, problem=Problem("x", "The memory ran out.")))
    watch.succeed()
    assert "The memory ran out." in labels(window)
    assert button(window, "Try again").isVisible()


def test_in_the_background_the_window_is_gone_and_comes_back_with_a_message(
    window: UpscaleWindow, gateway: FakeGateway, notifier: FakeNotifier
) -> None:
    run(window, gateway)
    QTest.mouseClick(button(window, "Keep working in the background"), LEFT)
    assert not window.isVisible()
    assert notifier.is_there
    finish(gateway)
    assert notifier.said == ["The result is there: Layer 3 is upscaled."]
    assert window.isVisible()
    assert button(window, "Accept").isVisible()


def test_closing_while_it_runs_asks_and_stops_nothing_meanwhile(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    run(window, gateway)
    window.close()
    question = window.findChild(QMessageBox)
    assert isinstance(question, QMessageBox)
    assert dialog.phase is Phase.RUNNING
    QTest.mouseClick(button(question, "Stop and discard"), LEFT)
    gateway.last("cancel").succeed(job(state=JobState.CANCELLING))
    gateway.last("answer_session").succeed(SESSION)
    assert dialog.phase is Phase.ENDED


def test_closing_before_anything_runs_discards(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    window.close()
    assert not gateway.last("answer_session").args[1].accepted
    gateway.last("answer_session").succeed(SESSION)
    assert dialog.phase is Phase.ENDED


def test_typing_a_prompt_is_no_shortcut(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    run(window, gateway)
    finish(gateway)
    dialog.choose_again()
    field = window.findChild(QPlainTextEdit)
    assert isinstance(field, QPlainTextEdit)
    window.activateWindow()
    field.setFocus()
    for letter in "s1d0bm":
        QTest.keyClick(field, letter)
    assert dialog.upscale is not None
    assert dialog.upscale.choices.prompt == "s1d0bm"


def test_tries_are_told_apart_and_can_be_looked_at_again(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    run(window, gateway)
    finish(gateway)
    QTest.mouseClick(button(window, "Try again with changes"), LEFT)
    assert dialog.upscale is not None
    dialog.upscale.throw_dice()
    run(window, gateway, "j2")
    finish(gateway, "j2")
    tries = window.findChild(QListWidget)
    assert isinstance(tries, QListWidget)
    texts = [tries.item(row).text() for row in range(tries.count())]
    assert len(set(texts)) == 2
    assert "creativity 40" in texts[0]
    tries.setCurrentRow(0)
    assert dialog.tries.chosen == 1
    QTest.mouseClick(button(window, "Try again with changes"), LEFT)
    assert dialog.upscale.choices.seed == 0  # of the first


def test_the_drift_map_is_measured_when_it_is_wanted(
    app: QApplication, gateway: FakeGateway, later: FakeLater, wait_until: Callable[..., None]
) -> None:
    from scalediff_engine.ui.workers import Workers

    workers = Workers()
    gateway.at_once.update(plan=plan_for, models=models)
    dialog = DialogModel(
        gateway, later, SessionOrigin(gateway, "s"), Memory(), lambda _: None, workers
    )
    window = UpscaleWindow(dialog, Look(Scheme.DARK), FakeNotifier())
    window.show()
    dialog.begin()
    gateway.last("session").succeed(SESSION)
    gateway.last("image").succeed(picture(64, 48))
    run(window, gateway)
    finish(gateway)
    bar = window.findChild(ViewBar)
    assert isinstance(bar, ViewBar)
    (drift,) = [one for one in bar.findChildren(QToolButton) if one.text() == "Drift map"]
    QTest.mouseClick(drift, LEFT)
    wait_until(lambda: "of 255 levels" in labels(window))
    window.hide()
    workers.close()


@pytest.mark.parametrize("points", [9, 18])
def test_no_button_is_too_small_for_its_text(
    app: QApplication, window: UpscaleWindow, gateway: FakeGateway, points: int
) -> None:
    before = app.font()
    font = app.font()
    font.setPointSize(points)
    app.setFont(font)
    run(window, gateway)
    finish(gateway)
    QTest.qWait(30)
    for widget in window.findChildren(QPushButton):
        if widget.isVisible():
            needed = widget.fontMetrics().horizontalAdvance(widget.text().replace("&", ""))
            assert widget.width() >= needed, widget.text()
    app.setFont(before)


def test_right_to_left_turns_the_form_and_not_the_picture(
    app: QApplication, dialog: DialogModel, gateway: FakeGateway, notifier: FakeNotifier
) -> None:
    app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        window = UpscaleWindow(dialog, Look(Scheme.DARK), notifier)
        window.resize(1180, 760)
        window.show()
        dialog.begin()
        gateway.last("session").succeed(SESSION)
        gateway.last("image").succeed(picture(64, 48))
        QTest.qWait(10)
        panel = window.settings_panel
        assert panel is not None
        assert panel.mapTo(window, panel.rect().topLeft()).x() < window.view.x()
        turned = window.view.grab().toImage()
        window.view.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        assert window.view.grab().toImage() == turned
        window.hide()
    finally:
        app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def test_the_buttons_below_the_picture_have_keys(
    window: UpscaleWindow, gateway: FakeGateway
) -> None:
    run(window, gateway)
    finish(gateway)
    QTest.keyClick(window.view, Qt.Key.Key_2)
    assert window.view.viewport.scale == 2
    QTest.keyClick(window.view, Qt.Key.Key_1)
    assert window.view.viewport.scale == 1
    QTest.keyClick(window.view, Qt.Key.Key_0)
    assert window.view.viewport.is_fitted
    QTest.keyClick(window.view, Qt.Key.Key_D)
    assert window.view.mode is Mode.SIDE_BY_SIDE
    QTest.keyClick(window.view, Qt.Key.Key_S)
    assert window.view.mode is Mode.SPLIT
    QTest.keyClick(window.view, Qt.Key.Key_M)
    assert window.bar.wants_drift


def test_alt_and_a_letter_press_the_main_button(window: UpscaleWindow, dialog: DialogModel) -> None:
    QTest.keyClick(window.view, Qt.Key.Key_U, Qt.KeyboardModifier.AltModifier)
    QTest.qWait(200)  # it is shown pressed for a moment
    assert dialog.phase is Phase.STARTING


def test_a_result_that_does_not_come_is_said_with_a_way_to_fetch_it(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    run(window, gateway)
    watch = gateway.last("watch")
    watch.say(event(1, JobState.DONE))
    watch.succeed()
    gateway.last("job").succeed(job(state=JobState.DONE))
    gateway.last("result").fail("No space left on device.")
    assert "No space left on device." in labels(window)
    QTest.mouseClick(button(window, "Try again"), LEFT)
    assert "No space left on device." not in labels(window)
    gateway.last("job").succeed(job(state=JobState.DONE))
    gateway.last("result").succeed(picture(256, 192))
    assert dialog.phase is Phase.COMPARING


def test_while_it_is_handed_over_that_is_said_and_closing_waits_for_it(
    window: UpscaleWindow, dialog: DialogModel, gateway: FakeGateway
) -> None:
    run(window, gateway)
    finish(gateway)
    QTest.mouseClick(button(window, "Accept"), LEFT)
    assert "Handing the result over" in labels(window)
    window.close()
    assert window.isVisible()
    gateway.last("answer_session").succeed(SESSION)
    assert not window.isVisible()
    assert dialog.phase is Phase.ENDED
