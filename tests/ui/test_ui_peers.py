"""What users of other upscalers complain of, and what happens here instead.

Those of batches are in ``folder/test_folder_real_engine.py``.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from real_engine import (
    Dialogs,
    Host,
    client_of,
    let_dialogs_start_engines,
    open_session,
    ready,
    served,
    wait,
)

from scalediff_engine.client.messages import JobState, SessionState
from scalediff_engine.client.places import Places
from scalediff_engine.images import reader, writer
from scalediff_engine.images.picture import Depth, Picture
from scalediff_engine.ui.context import Options
from scalediff_engine.ui.dialog import Phase
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.origin import Canvas, FileOpening
from scalediff_engine.ui.upscale.choices import Extent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Places]:
    home = tmp_path_factory.mktemp("engine") / "home"
    with pytest.MonkeyPatch.context() as patch:
        let_dialogs_start_engines(home, patch)
        with served(home) as places:
            yield places


def readable(widget: QWidget) -> list[str]:
    """All sentences that can be read now."""
    return [one.text() for one in widget.findChildren(QLabel) if one.isVisible() and one.text()]


def press(widget: QWidget, text: str) -> None:
    (button,) = [
        one
        for one in widget.findChildren(QPushButton)
        if one.isVisible() and one.text().replace("&", "") == text
    ]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_canvas_does_not_change_when_it_is_cancelled(engine: Places, dialogs: Dialogs) -> None:
    """krita-ai-diffusion#125, #1126: the canvas was resized although the user cancelled.

    Here the host hears of what becomes of its canvas with the accepted result, and never before.
    """
    client = client_of(engine)
    session = open_session(client, canvas_choices="keep,scale", canvas="keep")
    host = Host(client, session)
    running = dialogs.for_session(session, engine)
    dialog = running.dialog
    wait(lambda: ready(dialog))
    dialog.start()
    wait(lambda: dialog.phase is Phase.COMPARING)
    dialog.choose_canvas(Canvas.SCALE)
    dialog.choose_again()
    dialog.start()
    wait(lambda: dialog.progress is not None and dialog.progress.progress is not None)
    dialog.cancel()
    assert [info.state for info in host.heard] == [SessionState.OPEN]
    assert host.last.options["canvas"] == "keep"
    dialog.discard()
    wait(lambda: host.is_told)
    assert host.last.state is SessionState.DISCARDED
    assert host.last.options["canvas"] == "keep"


def test_how_long_it_takes_is_known_before_and_while(engine: Places, dialogs: Dialogs) -> None:
    """upscayl#283, InvokeAI#5098: no word on how long it will take."""
    client = client_of(engine)
    running = dialogs.for_session(open_session(client, side=96, scale=4.0), engine)
    dialog, window = running.dialog, running.window
    wait(lambda: ready(dialog))
    assert any(text.startswith("about ") for text in readable(window))
    dialog.start()
    while_running: set[str] = set()

    def has_come() -> bool:
        if dialog.phase is Phase.RUNNING:
            while_running.update(readable(window.progress_panel))
        return dialog.phase is Phase.COMPARING

    wait(has_come)
    said = [text for text in while_running if text.endswith(" left")]
    assert said, while_running
    assert any("Stage 1 of" in text for text in while_running)


def test_a_file_that_is_there_stays_as_it_is_and_16_bits_stay_16(
    engine: Places, dialogs: Dialogs, tmp_path: Path
) -> None:
    """upscayl: batches overwrote files; upscayl#84, #565, #1265: depth and profile were lost."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = np.random.default_rng(3).random((48, 64, 3), np.float32)
    file = tmp_path / "scan.tif"
    writer.write(Picture(pixels, None, Depth.U16, profile), file)
    source = file.read_bytes()
    (tmp_path / "scan_x2.tif").write_text("mine")
    options = Options(home=engine.home, files=PictureFiles())
    running = dialogs.open(FileOpening(file), engine.home, options)
    dialog, window = running.dialog, running.window
    wait(lambda: ready(dialog))
    assert dialog.upscale is not None
    dialog.upscale.change(replace(dialog.upscale.choices, extent=Extent(scale=2.0)))
    wait(lambda: ready(dialog))
    dialog.start()
    wait(lambda: dialog.phase is Phase.COMPARING)
    for name in ("scan_x2-2.tif", "scan_x2-3.tif"):
        press(window, "Save")
        wait(lambda name=name: dialog.note == f"Saved as {name}.")
        saved = reader.read(tmp_path / name)
        assert (saved.size, saved.depth, saved.icc) == ((128, 96), Depth.U16, profile)
        levels = np.rint(saved.pixels * 65535).astype(np.uint16)
        assert np.unique(levels % 257).size > 1  # no 8 bits spread over 16
    assert file.read_bytes() == source
    assert (tmp_path / "scan_x2.tif").read_text() == "mine"
    assert len(list(tmp_path.glob("*"))) == 4


def test_an_error_is_found_where_one_looks(engine: Places, dialogs: Dialogs) -> None:
    """openvino-ai-plugins-gimp#229, gimp_upscale#14: it does not work, and no word why.

    Here the sentence is in the window, beside a way to go on, and in the engine's log.
    """
    client = client_of(engine)
    session = open_session(client, seed=4)
    running = dialogs.for_session(session, engine)
    dialog, window = running.dialog, running.window
    wait(lambda: ready(dialog))
    upload = engine.home / "data" / "spool" / "images" / f"{session.image}.pixels"
    whole = upload.read_bytes()
    upload.write_bytes(whole[:-100])  # as by a disk that goes bad
    dialog.start()
    wait(lambda: dialog.problem is not None)
    (job,) = [job for job in client.jobs().jobs if job.image == session.image]
    assert job.state is JobState.FAILED
    assert job.problem is not None
    assert "bytes of samples" in job.problem.message
    assert job.problem.message in readable(window)
    log = "".join(file.read_text() for file in engine.home.rglob("*.log"))
    assert job.id in log
    upload.write_bytes(whole)
    press(window, "Try again")
    wait(lambda: dialog.phase is Phase.COMPARING)
    assert dialog.problem is None
