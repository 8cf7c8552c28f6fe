"""The loupe over the real engine, with the model that comes with the program."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from real_engine import (
    Dialogs,
    client_of,
    let_dialogs_start_engines,
    open_session,
    ready,
    served,
    wait,
)

from scalediff_engine.client.messages import JobState
from scalediff_engine.client.places import Places
from scalediff_engine.ui.dialog import Phase
from scalediff_engine.ui.loupe.model import Frame


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Places]:
    let_dialogs_start_engines(tmp_path / "home", monkeypatch)
    with served(tmp_path / "home") as places:
        yield places


def test_a_look_is_what_the_result_becomes(engine: Places, dialogs: Dialogs) -> None:
    """Of a picture so small that the window and its margin are all of it: to the last bit."""
    session = open_session(client_of(engine))
    dialog = (running := dialogs.for_session(session, engine)).dialog
    wait(lambda: ready(dialog))
    loupe = dialog.loupe
    assert loupe is not None
    QTest.keyClick(running.window, Qt.Key.Key_L)
    assert loupe.is_on
    loupe.hold(Frame(10, 20, 30, 25))
    wait(lambda: loupe.seconds is not None)
    QTest.keyClick(running.window.view, Qt.Key.Key_Return)
    wait(lambda: loupe.current is not None or loupe.problem is not None)
    look = loupe.current
    assert look is not None, loupe.problem
    window = look.window
    assert (window.x, window.y, window.width, window.height) == (20, 40, 60, 50)
    dialog.start()
    wait(lambda: dialog.phase is Phase.COMPARING)
    assert dialog.shown is not None
    whole = dialog.shown.raster.arrays[0]
    np.testing.assert_array_equal(look.raster.arrays[0], whole[40:90, 20:80])


@pytest.mark.slow
def test_a_look_that_is_given_up_is_cancelled_in_the_engine(
    engine: Places, dialogs: Dialogs
) -> None:
    client = client_of(engine)
    dialog = dialogs.for_session(open_session(client, side=200, scale=8), engine).dialog
    wait(lambda: ready(dialog))
    loupe = dialog.loupe
    assert loupe is not None
    loupe.toggle(True)
    loupe.start()
    wait(lambda: loupe.progress is not None)
    loupe.cancel()
    assert loupe.can_start
    wait(lambda: all(job.state is JobState.CANCELLED for job in client.jobs().jobs))
