"""The folder dialog's widgets."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_batches import FakeBatches, batch, item, save_picture
from fake_gateway import FakeGateway, models, plan_for, progress
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from wheel import check_wheel

from scalediff_engine.batch.folder_scan import SkipReason
from scalediff_engine.client.batches import BatchInfo, BatchList, BatchState, FileState
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.rows import Filter
from scalediff_engine.ui.folder.table import Column
from scalediff_engine.ui.folder.thumbnails import (
    MOST_KEPT,
    MOST_WAITING,
    Thumbnails,
    make_thumbnail,
)
from scalediff_engine.ui.folder.window import FolderWindow
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.upscale.remembered import Memory
from scalediff_engine.ui.window_base import MenuButton, Way
from scalediff_engine.ui.workers import Workers, qt_later

Wait = Callable[..., None]


class Notes:
    """Remembers what was said to the system."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.is_there = False

    def begin(self, on_click: Callable[[], None]) -> bool:
        self.is_there = True
        return True

    def say(self, title: str, text: str) -> None:
        assert self.is_there
        self.said.append((title, text))

    def end(self) -> None:
        self.is_there = False


class Dialog:
    """A window over fakes, with what it opened and said."""

    def __init__(self, gateway: FakeGateway, batches: FakeBatches, *inputs: Path) -> None:
        gateway.at_once.update(models=models, plan=plan_for)
        self.batches = batches
        self.workers = Workers()
        self.notes = Notes()
        self.opened: list[Path] = []
        self.model = FolderModel(
            gateway, batches, qt_later, self.workers, inputs, Memory(), lambda *_: None
        )
        self.window = FolderWindow(
            self.model, Look(Scheme.DARK), self.notes, self.workers, self.opened.append
        )
        self.window.resize(1200, 760)
        self.window.show()
        self.model.begin()

    def follow(self, info: BatchInfo, *items: object) -> None:
        """Let a batch of an earlier dialog be shown."""
        self.batches.last("batches").succeed(BatchList([info]))
        self.model.show_batch(info.id)
        self.batches.last("items").say(list(items))  # type: ignore[arg-type]
        self.batches.last("items").succeed()
        self.window.refresh()

    def cell(self, row: int, column: Column) -> str:
        text = str(self.window.table.data(self.window.table.index(row, column)))
        return text.replace("\u2066", "").replace("\u2069", "")

    def press(self, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        QTest.keyClick(self.window.view, key, *modifiers)

    def close(self) -> None:
        self.window.hide()
        self.model.close()
        self.window.thumbnails.close()
        self.workers.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for index, name in enumerate(("a", "b", "c")):
        save_picture(tmp_path / "holiday" / f"{name}.png", 40 + index, 30, index)
    (tmp_path / "holiday" / "notes.txt").write_text("no picture")
    return tmp_path / "holiday"


@pytest.fixture
def dialog(
    app: QApplication, gateway: FakeGateway, batches: FakeBatches, tree: Path, wait_until: Wait
) -> Generator[Dialog]:
    found = Dialog(gateway, batches, tree)
    wait_until(lambda: found.model.can_start)
    found.window.refresh()
    yield found
    found.close()


def test_a_row_shows_name_sizes_result_and_state(dialog: Dialog, wait_until: Wait) -> None:
    assert dialog.cell(0, Column.NAME) == "a.png"
    assert dialog.cell(0, Column.SIZE) == "40 × 30 → 160 × 120"
    assert dialog.cell(0, Column.RESULT) == "a_x4.png"
    assert dialog.cell(0, Column.STATE) == "Ready"
    assert dialog.window.settings.start.isEnabled()
    assert "3" in dialog.window.settings.start.text()
    wait_until(lambda: dialog.window.thumbnails.kept == 3)


def test_what_is_left_aside_can_be_looked_at(dialog: Dialog) -> None:
    details = dialog.window.details
    assert "Left aside: 1" in details.found
    details.skipped.click()
    listed = details.skipped_list
    assert listed is not None
    assert listed.lines[0].endswith("notes.txt – Not a picture")
    listed.reasons.setCurrentIndex(listed.reasons.findData(SkipReason.NO_PICTURE))
    assert len(listed.lines) == 1
    listed.close()


def test_the_wheel_scrolls_the_settings_and_changes_no_input(dialog: Dialog) -> None:
    dialog.window.resize(1200, 400)
    assert check_wheel(dialog.window.settings) >= 10


def test_delete_removes_rows_before_the_start(dialog: Dialog, wait_until: Wait) -> None:
    dialog.window.view.setCurrentIndex(dialog.window.table.index(1, 0))
    dialog.press(Qt.Key.Key_Delete)
    assert [entry.name for entry in dialog.model.rows.entries] == ["a.png", "c.png"]
    wait_until(lambda: dialog.model.can_start)
    dialog.press(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    dialog.press(Qt.Key.Key_Delete)
    assert dialog.window.table.rowCount() == 0
    dialog.window.refresh()
    assert "Drop" in dialog.window.view.hint


def test_files_and_folders_can_be_dropped(dialog: Dialog, tmp_path: Path, wait_until: Wait) -> None:
    save_picture(tmp_path / "more" / "x.png")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "more"))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    dialog.window.dragEnterEvent(enter)
    assert enter.isAccepted()
    dialog.window.dropEvent(QDropEvent(QPointF(9, 9), copy, data, left, none))
    wait_until(lambda: len(dialog.model.rows.entries) == 4 and not dialog.model.input.is_scanning)


def test_a_clash_of_all_pictures_is_said_and_shuts_the_start(
    dialog: Dialog, wait_until: Wait
) -> None:
    dialog.model.input.change_destination(replace(dialog.model.input.destination, pattern="same"))
    wait_until(lambda: bool(dialog.model.input.clash))
    dialog.window.refresh()
    assert "“same.png”" in dialog.window.settings.cost.warning.text()
    assert not dialog.window.settings.start.isEnabled()
    assert dialog.cell(0, Column.STATE) == "Name taken twice"


def test_the_whole_way_by_keyboard(dialog: Dialog, batches: FakeBatches, wait_until: Wait) -> None:
    dialog.window.activateWindow()
    QTest.keyClick(dialog.window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert dialog.model.phase is Phase.HANDING_OVER
    counts = {"running": 1, "waiting": 2}
    info = batch(counts=counts, current=0, progress=progress(0.42), seconds_left=12_000.0)
    batches.last("create").succeed(info)
    batches.last("items").say([item(0, FileState.RUNNING), item(1), item(2)])  # type: ignore[arg-type]
    dialog.window.refresh()
    assert dialog.cell(0, Column.STATE) == "Running, 42 %"
    assert dialog.window.batch_panel.time_left == "About 3 h 20 min left"
    QTest.keyClick(dialog.window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert dialog.model.batch is not None
    assert dialog.model.batch.state is BatchState.PAUSED


def test_an_error_is_found_read_and_copied(
    dialog: Dialog, batches: FakeBatches, tmp_path: Path
) -> None:
    sentence = "x.png is damaged from line 7 on; a new copy of it would work."
    items = [item(n, FileState.DONE, seconds=7) for n in range(40)]
    items[33] = item(33, FileState.FAILED, problem=Problem("picture-unreadable", sentence))
    info = batch(counts={"done": 39, "failed": 1}, state=BatchState.DONE)
    dialog.follow(replace(info, state=BatchState.PAUSED), *items)
    bar = dialog.window.bar.filters
    errors = list(Filter).index(Filter.ERRORS)
    assert bar.button(errors).text() == "Errors (1)"
    bar.button(errors).click()
    assert dialog.window.table.rowCount() == 1
    dialog.window.view.select_first()
    assert dialog.window.details.detail == sentence
    tip = dialog.window.table.data(
        dialog.window.table.index(0, Column.STATE), Qt.ItemDataRole.ToolTipRole
    )
    assert tip == sentence
    dialog.window.details.copy.click()
    assert QGuiApplication.clipboard().text() == (
        f"/pictures/holiday/33.png: {sentence} [picture-unreadable]"
    )


def test_results_and_folders_are_opened(dialog: Dialog, tmp_path: Path) -> None:
    made = save_picture(tmp_path / "made.png")
    done = item(0, FileState.DONE, target=str(made))
    dialog.follow(batch(counts={"done": 1, "waiting": 1}), done, item(1))
    dialog.window.view.selectAll()
    dialog.press(Qt.Key.Key_Return)
    assert dialog.opened == [made]
    dialog.press(
        Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert dialog.opened[1:] == [tmp_path, Path("/pictures/holiday")]


def test_the_selection_stays_when_rows_come_and_go(dialog: Dialog) -> None:
    items = [item(n) for n in range(10)]
    dialog.follow(batch(counts={"waiting": 10}), *items)
    dialog.window.view.setCurrentIndex(dialog.window.table.index(6, 0))
    dialog.model.rows.take_items([item(n, FileState.DONE) for n in range(4)])
    dialog.model.rows.show(Filter.TO_DO)
    assert dialog.window.view.selected == [6]
    assert dialog.window.view.current_file == 6
    assert dialog.window.view.currentIndex().row() == 2


def test_closing_says_that_the_engine_goes_on(dialog: Dialog, batches: FakeBatches) -> None:
    dialog.follow(batch(counts={"waiting": 312, "done": 8}), item(0))
    dialog.window.close()
    dialog.window.close()  # asks once
    (question,) = dialog.window.findChildren(QMessageBox)
    assert "312" in question.text()
    assert "engine goes on" in question.text()
    button = next(b for b in question.buttons() if "tell me" in b.text())
    button.click()
    assert dialog.window.is_away
    assert not dialog.window.isVisible()
    assert batches.all("act") == []


def test_the_end_is_told_and_the_window_comes_back(
    dialog: Dialog, batches: FakeBatches, wait_until: Wait
) -> None:
    dialog.follow(batch(counts={"waiting": 2}), item(0), item(1))
    dialog.window.work_in_background()
    over = batch(state=BatchState.DONE, events=5, counts={"done": 1, "failed": 1})
    batches.last("watch").say(over)
    wait_until(lambda: bool(batches.pending("items")))
    batches.last("items").say([item(0, FileState.DONE), item(1, FileState.FAILED)])  # type: ignore[arg-type]
    batches.last("items").succeed()
    wait_until(lambda: bool(dialog.notes.said))
    assert dialog.notes.said == [("“holiday” is finished", "1 of 2 files are done. Failed: 1.")]
    assert dialog.window.isVisible()
    assert not dialog.window.is_away


def test_an_unfinished_batch_is_offered_and_goes_on(dialog: Dialog, batches: FakeBatches) -> None:
    paused = batch(state=BatchState.PAUSED, counts={"done": 3, "waiting": 4})
    batches.last("batches").succeed(BatchList([paused]))
    dialog.window.refresh()
    assert dialog.window.banner.text == "“holiday” is paused: 3 of 7 files are finished."
    dialog.window.banner.show_it.click()
    dialog.window.refresh()
    assert not dialog.window.banner.isVisible()
    assert dialog.window.batch_panel.pause.text() == "&Resume"
    dialog.window.batch_panel.pause.click()
    assert batches.last("act").args[1] == "resume"


def test_everything_has_a_name_for_those_who_cannot_see_it(dialog: Dialog) -> None:
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider, QSpinBox

    for kind in (QAbstractButton, QComboBox, QSlider, QSpinBox, QLineEdit):
        for widget in dialog.window.findChildren(kind):
            if not widget.isVisibleTo(dialog.window) or widget.objectName().startswith("qt_"):
                continue
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            assert text or widget.accessibleName() or widget.toolTip(), widget


def test_tab_reaches_the_table_the_settings_and_the_start(dialog: Dialog) -> None:
    window = dialog.window
    seen = set()
    window.view.setFocus()
    for _ in range(80):
        focused = window.focusWidget()
        seen.add(focused)
        QTest.keyClick(focused or window, Qt.Key.Key_Tab)
    assert {window.view, window.settings.start, window.bar.deeper} <= seen


def test_thumbnails_are_few_and_the_newest_wish_comes_first(
    app: QApplication, tmp_path: Path, wait_until: Wait
) -> None:
    workers = Workers(1)
    thumbnails = Thumbnails(workers, 16)
    order: list[str] = []
    thumbnails.arrived.add(order.append)
    files = [str(save_picture(tmp_path / f"{n}.png", seed=n)) for n in range(MOST_WAITING + 30)]
    for file in files:
        assert not thumbnails.get(file).isNull()
    wait_until(lambda: len(order) >= MOST_WAITING)
    QTest.qWait(50)
    assert len(order) <= MOST_WAITING + 3
    assert order.index(files[-1]) < 4  # those that were begun before it come first
    assert files[10] not in order
    assert thumbnails.size(files[-1]) == (32, 24)
    for n in range(MOST_KEPT + 50):
        thumbnails._on_made(f"/{n}", None)
    assert thumbnails.kept == MOST_KEPT
    workers.close()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "I;16", "1", "LA"])
def test_every_kind_of_picture_has_a_thumbnail(tmp_path: Path, mode: str) -> None:
    file = tmp_path / ("x.tif" if mode in ("CMYK", "I;16", "LA") else "x.png")
    Image.new(mode, (200, 100)).save(file)
    found = make_thumbnail(file, 32)
    assert found is not None
    assert (found.image.width(), found.image.height()) == (32, 16)
    assert (found.width, found.height) == (200, 100)


def test_what_is_no_picture_has_no_thumbnail(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no")
    assert make_thumbnail(tmp_path / "x.png", 32) is None
    assert make_thumbnail(tmp_path / "gone.png", 32) is None


def test_other_windows_are_a_menu_away(dialog: Dialog, wait_until: Wait) -> None:
    opened: list[str] = []
    dialog.window.offer((Way("&Models…", "Ctrl+M", lambda: opened.append("models")),))
    (menu,) = dialog.window.findChildren(MenuButton)
    wait_until(menu.isVisible)
    assert menu.accessibleName()
    QTest.keyClick(dialog.window.view, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert opened == ["models"]
