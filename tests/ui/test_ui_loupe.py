"""The loupe in the window, by mouse and by keys, over a scripted engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, models, picture, plan_for, progress
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton, QWidget

from scalediff_engine.client.messages import (
    JobState,
    PlanInfo,
    PlanRequest,
    SessionInfo,
    SessionState,
)
from scalediff_engine.ui.dialog import DialogModel, Phase
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.loupe.model import LoupeModel
from scalediff_engine.ui.origin import SessionOrigin
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.window import UpscaleWindow

SESSION = SessionInfo("s", SessionState.OPEN, "i", "krita", "Layer 3", 1)
LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


class Silent:
    """Says nothing."""

    def begin(self, on_click: Callable[[], None]) -> bool:
        return True

    def say(self, title: str, text: str) -> None: ...

    def end(self) -> None: ...


def quick_window(request: PlanRequest) -> PlanInfo:
    return plan_for(request, seconds=130.0 if request.window is None else 6.0)


@pytest.fixture
def dialog(app: QApplication, gateway: FakeGateway, later: FakeLater) -> DialogModel:
    gateway.at_once.update(plan=quick_window, models=models)
    return DialogModel(gateway, later, SessionOrigin(gateway, "s"), Memory(), lambda _: None)


@pytest.fixture
def window(dialog: DialogModel, gateway: FakeGateway) -> UpscaleWindow:
    found = UpscaleWindow(dialog, Look(Scheme.DARK), Silent())
    found.resize(1180, 760)
    found.show()
    dialog.begin()
    gateway.last("session").succeed(SESSION)
    gateway.last("image").succeed(picture(640, 480))
    QTest.qWaitForWindowActive(found)
    return found


@pytest.fixture
def loupe(window: UpscaleWindow, dialog: DialogModel, later: FakeLater) -> LoupeModel:
    QTest.keyClick(window, Qt.Key.Key_L)
    later.pass_ms(500)
    assert dialog.loupe is not None
    return dialog.loupe


def named(window: QWidget, kind: type[QWidget], text: str) -> list[QWidget]:
    """The visible buttons of this name."""
    return [
        one
        for one in window.findChildren(kind)
        if one.text().replace("&", "") == text and one.isVisible()  # pyright: ignore[reportAttributeAccessIssue]
    ]


def labels(window: QWidget) -> str:
    found = (one.text() for one in window.findChildren(QLabel) if one.isVisible())
    return "\n".join(found).replace("\u2066", "").replace("\u2069", "")


def place(window: UpscaleWindow, x: float, y: float) -> QPoint:
    """Where a place of the source is in the view."""
    port = window.view.viewport
    return QPoint(round(port.left + x * port.scale), round(port.top + y * port.scale))


def finish(gateway: FakeGateway, loupe: LoupeModel) -> None:
    watch = gateway.last("watch")
    watch.say(event(2, JobState.DONE))
    watch.succeed()
    assert loupe.window is not None
    gateway.last("result").succeed(picture(loupe.window.width, loupe.window.height, 9))


def test_a_frame_is_dragged_and_looked_at(
    window: UpscaleWindow, loupe: LoupeModel, later: FakeLater, gateway: FakeGateway
) -> None:
    view = window.view
    assert loupe.is_on
    assert view.hasFocus()
    QTest.mousePress(view, LEFT, pos=place(window, 20, 20))
    QTest.mouseMove(view, place(window, 60, 50))
    QTest.mouseMove(view, place(window, 120, 100))
    QTest.mouseRelease(view, LEFT, pos=place(window, 120, 100))
    later.pass_ms(500)
    assert loupe.window is not None
    assert abs(loupe.window.width - 400) <= 8
    assert abs(loupe.window.x - 80) <= 8
    assert "about 6 s" in labels(window)
    [button] = named(window, QPushButton, "Look")
    QTest.mouseClick(button, LEFT)
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    gateway.last("watch").say(event(1, progress=progress(0.4, 3.0)))
    assert named(window, QPushButton, "Stop")
    finish(gateway, loupe)
    assert loupe.current is not None
    assert not named(window, QPushButton, "Stop")


def test_the_result_is_seen_right_of_the_line_and_the_source_left_of_it(
    window: UpscaleWindow, loupe: LoupeModel, gateway: FakeGateway
) -> None:
    before = window.view.grab().toImage()
    loupe.start()
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    finish(gateway, loupe)
    frame = loupe.frame
    assert frame is not None
    after = window.view.grab().toImage()
    y = frame.top + frame.height / 3

    def differs(share: float) -> int:
        """How many pixels of a row around a place have changed."""
        middle = place(window, frame.left + share * frame.width, y)
        xs = range(middle.x() - 8, middle.x() + 8)
        return sum(
            QColor(before.pixel(x, middle.y())) != QColor(after.pixel(x, middle.y())) for x in xs
        )

    assert differs(0.25) == 0
    assert differs(0.75) > 8
    QTest.keyPress(window.view, Qt.Key.Key_Space)
    held = window.view.grab().toImage()
    middle = place(window, frame.left + 0.75 * frame.width, y)
    assert held.pixel(middle) == before.pixel(middle)
    QTest.keyRelease(window.view, Qt.Key.Key_Space)
    # the line is taken hold of and moved to the left
    line = place(window, frame.left + frame.width / 2, y)
    QTest.mousePress(window.view, LEFT, pos=line)
    QTest.mouseMove(window.view, place(window, frame.left + frame.width * 0.1, y))
    QTest.mouseRelease(window.view, LEFT, pos=place(window, frame.left + frame.width * 0.1, y))
    after = window.view.grab().toImage()
    assert differs(0.25) > 8
    assert loupe.frame == frame


def test_by_keys_alone(
    window: UpscaleWindow, dialog: DialogModel, loupe: LoupeModel, gateway: FakeGateway
) -> None:
    view, frame = window.view, loupe.frame
    assert frame is not None
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.keyClick(view, Qt.Key.Key_Up)
    assert loupe.frame == frame.moved(frame.width / 8, -frame.height / 8, loupe.source)
    QTest.keyClick(view, Qt.Key.Key_Minus)
    assert loupe.frame is not None
    assert loupe.frame.width == pytest.approx(frame.width / 1.25)
    QTest.keyClick(view, Qt.Key.Key_Return)
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    assert loupe.running is not None
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert loupe.running is None
    assert loupe.is_on
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not loupe.is_on
    assert dialog.phase is Phase.CHOOSING


def test_other_settings_offer_another_look_and_both_can_be_compared(
    window: UpscaleWindow, dialog: DialogModel, loupe: LoupeModel, gateway: FakeGateway
) -> None:
    assert dialog.upscale is not None
    loupe.start()
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    finish(gateway, loupe)
    [button] = named(window, QPushButton, "Look")
    assert not button.isEnabled()
    dialog.upscale.change(replace(dialog.upscale.choices, creativity=0.9))
    [button] = named(window, QPushButton, "Look again")
    assert button.isEnabled()
    QTest.mouseClick(button, LEFT)
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    finish(gateway, loupe)
    numbers = [named(window, QToolButton, str(number)) for number in (1, 2)]
    [first], [second] = numbers
    assert "Creativity: 0.9" in second.toolTip()
    QTest.mouseClick(first, LEFT)
    assert loupe.chosen == 1
    window.view.setFocus()
    QTest.keyClick(window.view, Qt.Key.Key_PageDown)
    assert loupe.chosen == 2


def test_nothing_of_the_document_changes(
    window: UpscaleWindow, dialog: DialogModel, loupe: LoupeModel, gateway: FakeGateway
) -> None:
    loupe.start()
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    finish(gateway, loupe)
    assert dialog.tries.current is None
    assert not gateway.all("answer_session")
    assert window.settings_panel is not None
    assert window.settings_panel.isVisible()


def test_the_upscale_puts_the_loupe_away_and_stops_its_look(
    window: UpscaleWindow, dialog: DialogModel, loupe: LoupeModel, gateway: FakeGateway
) -> None:
    loupe.start()
    gateway.last("submit").succeed(job("look", JobState.QUEUED))
    dialog.start()
    assert not loupe.is_on
    assert gateway.last("cancel").args[0] == "look"
    assert not named(window, QToolButton, "Loupe")


def test_pixel_for_pixel(window: UpscaleWindow, loupe: LoupeModel, gateway: FakeGateway) -> None:
    loupe.start()
    gateway.last("submit").succeed(job(state=JobState.QUEUED))
    finish(gateway, loupe)
    window.view.setFocus()
    QTest.keyClick(window, Qt.Key.Key_Z)
    port, frame = window.view.viewport, loupe.frame
    assert frame is not None
    assert port.scale == pytest.approx(4.0)
    assert (port.x, port.y) == pytest.approx(
        (frame.left + frame.width / 2, frame.top + frame.height / 2), abs=1
    )
