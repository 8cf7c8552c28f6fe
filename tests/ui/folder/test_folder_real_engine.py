"""The folder dialog over the real engine, with the model that comes with the program."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_batches import save_picture
from PIL import Image
from PySide6.QtWidgets import QApplication
from real_engine import LONG_MS, let_dialogs_start_engines, serve

from scalediff_engine.client.batches import BatchState, FileState
from scalediff_engine.client.client import Client
from scalediff_engine.client.places import Places
from scalediff_engine.client.start import find
from scalediff_engine.ui.app import FolderApp
from scalediff_engine.ui.context import Options
from scalediff_engine.ui.folder.model import Phase
from scalediff_engine.ui.folder.rows import Filter, Status
from scalediff_engine.ui.origin import FolderOpening
from scalediff_engine.ui.upscale.choices import Extent

Wait = Callable[..., None]
Open = Callable[..., FolderApp]

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    found = tmp_path / "home"
    let_dialogs_start_engines(found, monkeypatch)
    yield found
    record = find(Places(found))
    if record is not None:
        Client(lambda: record).shutdown()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three small pictures, one of them in a folder of its own, and a file that is none."""
    folder = tmp_path / "pictures"
    save_picture(folder / "a.png", 48, 32, 1)
    save_picture(folder / "b.jpg", 40, 40, 2)
    save_picture(folder / "deep" / "c.png", 32, 48, 3)
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def open_dialog(app: QApplication, home: Path) -> Generator[Open]:
    opened: list[FolderApp] = []

    def open_it(*paths: Path) -> FolderApp:
        opening = FolderOpening(tuple(paths))
        options = Options(home, "dark")
        running = FolderApp(app, opening, options, lambda: None)
        opened.append(running)
        running.begin()
        return running

    yield open_it
    for running in opened:
        running.window.hide()
        running.close()


def begin(
    running: FolderApp, wait_until: Wait, before: Callable[[], object] = lambda: None
) -> None:
    """Choose the smallest work, and start it; ``before`` is what happens just before."""
    upscale = running.dialog.upscale
    wait_until(lambda: bool(upscale.models), LONG_MS)
    upscale.change(replace(upscale.choices, extent=Extent(scale=2.0), preset="fast", steps=2))
    dialog, start = running.dialog, running.window.settings.start
    # the button follows the model a moment later, and takes no click before
    wait_until(
        lambda: (
            dialog.can_start and dialog.input.estimator.estimate.is_complete and start.isEnabled()
        ),
        LONG_MS,
    )
    before()
    start.click()


def test_a_folder_from_open_to_done(open_dialog: Open, pictures: Path, wait_until: Wait) -> None:
    """upscayl: batches overwrote files."""
    (pictures / "a_x2.png").write_text("mine")
    running = open_dialog(pictures)
    dialog, window = running.dialog, running.window
    begin(running, wait_until)
    wait_until(lambda: dialog.batch is not None and dialog.batch.info.is_over, LONG_MS)
    batch = dialog.batch
    assert batch is not None
    wait_until(lambda: dialog.rows.counts()[Filter.TO_DO] == 0, LONG_MS)
    states = {Path(e.path).name: dialog.rows.status(i) for i, e in enumerate(dialog.rows.entries)}
    assert states == {
        # no picture, although it is called like one
        "a.png": Status.SKIPPED,
        "b.jpg": Status.DONE,
        "c.png": Status.DONE,
    }
    with Image.open(pictures / "deep" / "c_x2.png") as made:
        assert made.size == (64, 96)
    with Image.open(pictures / "b_x2.jpg") as made:
        assert made.size == (80, 80)
    assert (pictures / "a_x2.png").read_text() == "mine"
    window.refresh()
    assert window.batch_panel.pause.isHidden()
    assert "Done in" in window.table.data(window.table.index(1, 3))
    # its own results are not upscaled again
    dialog.choose_again()
    dialog.input.scan()
    wait_until(lambda: not dialog.input.is_scanning, LONG_MS)
    assert [entry.name for entry in dialog.input.rows.entries] == [
        "a.png",
        "b.jpg",
        "deep/c.png",
    ]


def test_a_batch_is_paused_and_goes_on_after_dialog_and_engine_were_started_again(
    home: Path, open_dialog: Open, pictures: Path, wait_until: Wait
) -> None:
    """upscayl#283, InvokeAI#5098: a batch cannot be paused, and a restart loses it."""
    process = serve(home)
    running = open_dialog(pictures)
    begin(running, wait_until)
    dialog = running.dialog
    wait_until(lambda: dialog.phase is Phase.FOLLOWING, LONG_MS)
    batch = dialog.batch
    assert batch is not None
    batch.pause()
    wait_until(lambda: batch.info.state is BatchState.PAUSED, LONG_MS)
    dialog.end()
    running.close()
    process.kill()
    process.wait(20)

    again = open_dialog(pictures)
    dialog = again.dialog
    # what it was opened for is in a batch already: that is what it shows
    wait_until(lambda: dialog.phase is Phase.FOLLOWING, LONG_MS)
    batch = dialog.batch
    assert batch is not None
    assert batch.state is BatchState.PAUSED
    wait_until(lambda: again.window.table.rowCount() == 3, LONG_MS)
    again.window.refresh()
    assert again.window.batch_panel.pause.text() == "&Resume"
    again.window.batch_panel.pause.click()
    wait_until(lambda: batch.info.is_over, LONG_MS)
    wait_until(lambda: dialog.rows.counts()[Filter.DONE] == 3, LONG_MS)
    assert batch.count(FileState.DONE) == 3


def test_an_engine_killed_in_the_middle_is_started_again_and_the_batch_goes_on(
    home: Path, open_dialog: Open, pictures: Path, wait_until: Wait
) -> None:
    process = serve(home)
    running = open_dialog(pictures)
    begin(running, wait_until)
    dialog = running.dialog
    wait_until(lambda: dialog.batch is not None and dialog.batch.info.current is not None, LONG_MS)
    process.kill()
    process.wait(20)
    batch = dialog.batch
    assert batch is not None
    wait_until(lambda: batch.info.is_over, LONG_MS)
    assert batch.count(FileState.DONE) == 3
    wait_until(lambda: dialog.rows.counts()[Filter.DONE] == 3, LONG_MS)


def test_a_file_that_fails_says_why_and_is_done_once_it_is_mended(
    open_dialog: Open, pictures: Path, wait_until: Wait
) -> None:
    running = open_dialog(pictures)
    dialog, window = running.dialog, running.window
    whole = (pictures / "a.png").read_bytes()
    begin(running, wait_until, (pictures / "a.png").unlink)
    wait_until(lambda: dialog.batch is not None and dialog.batch.info.is_over, LONG_MS)
    wait_until(lambda: dialog.rows.counts()[Filter.ERRORS] == 1, LONG_MS)
    dialog.rows.show(Filter.ERRORS)
    window.view.select_first()
    window.refresh()
    assert "a.png" in window.details.detail
    window.details.copy.click()
    assert "a.png" in QApplication.clipboard().text()
    assert "Try again (1)" in window.batch_panel.retry.text().replace("&", "")
    (pictures / "a.png").write_bytes(whole)
    window.batch_panel.retry.click()
    batch = dialog.batch
    assert batch is not None
    wait_until(lambda: batch.count(FileState.DONE) == 3, LONG_MS)
    wait_until(lambda: dialog.rows.counts()[Filter.ERRORS] == 0, LONG_MS)
