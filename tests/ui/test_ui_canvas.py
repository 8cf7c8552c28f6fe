"""What becomes of the document: offered by the host, chosen beside Accept, and said with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_gateway import FakeGateway, FakeLater, event, job, models, picture, plan_for
from PySide6.QtWidgets import QApplication, QComboBox

from scalediff_engine.client.messages import JobState, SessionInfo, SessionState
from scalediff_engine.ui.dialog import DialogModel
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.origin import Canvas, CanvasChoice, SessionOrigin, offered_by
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.window import UpscaleWindow

ALL = (Canvas.KEEP, Canvas.GROW, Canvas.SCALE, Canvas.NEW)
HOST = {"canvas_choices": "keep,grow,scale,new", "canvas": "grow", "layer": "7"}


class NoNotifier:
    def begin(self, on_click: object) -> bool:
        return True

    def say(self, title: str, text: str) -> None: ...

    def end(self) -> None: ...


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"canvas": "keep"}, None),
        ({"canvas_choices": ""}, None),
        ({"canvas_choices": "melt"}, None),
        (HOST, CanvasChoice(ALL, Canvas.GROW)),
        ({"canvas_choices": "new, keep"}, CanvasChoice((Canvas.NEW, Canvas.KEEP), Canvas.NEW)),
        (
            {"canvas_choices": "keep,melt,keep", "canvas": "new"},
            CanvasChoice((Canvas.KEEP,), Canvas.KEEP),
        ),
    ],
)
def test_what_a_host_offers_is_read(options: dict[str, str], expected: CanvasChoice | None) -> None:
    assert offered_by(options) == expected


Compared = Callable[[dict[str, str]], tuple[DialogModel, UpscaleWindow]]


@pytest.fixture
def compared(app: QApplication, gateway: FakeGateway, later: FakeLater) -> Compared:
    """A dialog that has come as far as to compare, for a host with these options."""

    def come(options: dict[str, str]) -> tuple[DialogModel, UpscaleWindow]:
        gateway.at_once.update(plan=plan_for, models=models)
        dialog = DialogModel(gateway, later, SessionOrigin(gateway, "s"), Memory(), lambda _: None)
        window = UpscaleWindow(dialog, Look(Scheme.DARK), NoNotifier())
        window.show()
        dialog.begin()
        info = SessionInfo("s", SessionState.OPEN, "i", "krita", "L", 1, options=options)
        gateway.last("session").succeed(info)
        gateway.last("image").succeed(picture())
        dialog.start()
        gateway.last("submit").succeed(job(state=JobState.QUEUED))
        watch = gateway.last("watch")
        watch.say(event(1, JobState.DONE))
        watch.succeed()
        gateway.last("job").succeed(job(state=JobState.DONE))
        gateway.last("result").succeed(picture(64, 48))
        return dialog, window

    return come


def box(window: UpscaleWindow) -> QComboBox:
    found = [
        one
        for one in window.decide_panel.findChildren(QComboBox)
        if one.accessibleName() == "Document"
    ]
    assert len(found) == 1
    return found[0]


def test_the_choice_goes_with_the_answer(compared: Compared, gateway: FakeGateway) -> None:
    dialog, window = compared(HOST)
    field = box(window)
    assert field.isVisible()
    assert [field.itemText(row) for row in range(field.count())] == [
        "Keep the canvas as it is",
        "Grow the canvas to the new layer",
        "Scale the whole image",
        "Open as a new document",
    ]
    assert field.currentIndex() == 1
    field.setCurrentIndex(2)
    field.activated.emit(2)
    dialog.accept()
    assert gateway.last("answer_session").args[1].options == {**HOST, "canvas": "scale"}
    window.hide()


def test_the_host_s_own_choice_stands_if_nobody_changes_it(
    compared: Compared, gateway: FakeGateway
) -> None:
    dialog, window = compared(HOST)
    dialog.accept()
    assert gateway.last("answer_session").args[1].options == HOST
    window.hide()


def test_nothing_is_asked_where_nothing_is_offered(
    compared: Compared, gateway: FakeGateway
) -> None:
    dialog, window = compared({"canvas": "keep"})
    assert not box(window).isVisible()
    dialog.accept()
    assert gateway.last("answer_session").args[1].options == {"canvas": "keep"}
    window.hide()


def test_who_discards_decides_nothing(compared: Compared, gateway: FakeGateway) -> None:
    dialog, window = compared(HOST)
    dialog.choose_canvas(Canvas.SCALE)
    dialog.discard()
    answer = gateway.last("answer_session").args[1]
    assert not answer.accepted
    assert answer.options == HOST
    window.hide()
