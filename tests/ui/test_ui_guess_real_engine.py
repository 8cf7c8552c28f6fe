"""The fast guess in a real window over a real engine: before the start, and after it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from real_engine import (
    Dialogs,
    client_of,
    let_dialogs_start_engines,
    open_session,
    orphans,
    ready,
    served,
    wait,
)

from scalediff_engine.client.places import Places
from scalediff_engine.ui.dialog import Phase
from scalediff_engine.ui.picture import pixels_of
from scalediff_engine.ui.view.picture_view import PictureView


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Places]:
    let_dialogs_start_engines(tmp_path / "home", monkeypatch)
    with served(tmp_path / "home") as places:
        yield places


def seen(view: PictureView) -> np.ndarray:
    """What is on the screen: (h, w, 3)."""
    image = view.grab().toImage()
    return pixels_of(image.convertToFormat(image.Format.Format_RGB32))[..., :3].astype(int)


@pytest.mark.slow
def test_what_is_seen_is_guessed_and_the_source_is_a_key_away(
    engine: Places, dialogs: Dialogs
) -> None:
    client = client_of(engine)
    session = open_session(client)
    running = dialogs.for_session(session, engine)
    dialog, view = running.dialog, running.window.view
    wait(lambda: ready(dialog))
    assert view.viewport.scale > 1  # a small layer is shown enlarged
    before = seen(view)
    assert dialog.guess is not None
    wait(lambda: dialog.guess is not None and dialog.guess.guess is not None)
    wait(lambda: not client.jobs().jobs)  # it left nothing behind
    assert not orphans(client, engine.home)
    guessed = seen(view)
    assert np.abs(guessed - before).mean() > 1

    QTest.keyPress(view, Qt.Key.Key_Space)
    assert np.array_equal(seen(view), before)
    QTest.keyRelease(view, Qt.Key.Key_Space)
    assert np.array_equal(seen(view), guessed)
    QTest.keyClick(view, Qt.Key.Key_G)
    assert np.array_equal(seen(view), before)
    QTest.keyClick(view, Qt.Key.Key_G)
    assert np.array_equal(seen(view), guessed)
    QTest.keyClick(view, Qt.Key.Key_L)  # the loupe is held over the source
    assert not dialog.guess.is_under_way
    QTest.keyClick(view, Qt.Key.Key_Escape)

    # an upscale begins with a guess of the whole
    dialog.start()
    wait(lambda: dialog.progress is not None and dialog.progress.preview is not None)
    assert dialog.progress is not None
    assert dialog.progress.is_guess
    first = dialog.progress.preview
    assert first is not None
    assert (first.width, first.height) == (128, 128)
    wait(lambda: dialog.phase is Phase.COMPARING)
    assert not dialog.progress.is_guess


@pytest.mark.slow
def test_the_fast_method_from_open_to_accept(engine: Places, dialogs: Dialogs) -> None:
    client = client_of(engine)
    session = open_session(client, canvas="keep")
    running = dialogs.for_session(session, engine)
    dialog = running.dialog
    wait(lambda: ready(dialog))
    assert dialog.upscale is not None
    buttons = running.window.findChildren(QToolButton)
    fast = next(one for one in buttons if one.accessibleName() == "Method: Fast")
    fast.click()
    wait(lambda: ready(dialog) and dialog.upscale is not None and dialog.upscale.cost.is_current)
    plan = dialog.upscale.cost.plan
    assert plan is not None
    assert plan.model.startswith("ScaleDiff fast")
    dialog.start()
    wait(lambda: dialog.phase is Phase.COMPARING)
    dialog.accept()
    wait(lambda: dialog.phase is Phase.ENDED or dialog.problem is not None)
    answered = client.session(session.id)
    assert answered.job is not None
    # what "repeat last" of a plug-in takes up
    assert client.job(answered.job).settings.method == "fast"
