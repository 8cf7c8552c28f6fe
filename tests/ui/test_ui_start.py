"""The window that asks what is to be upscaled."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from scalediff_engine.ui import app as ui_app
from scalediff_engine.ui.app import StartApp
from scalediff_engine.ui.context import Options
from scalediff_engine.ui.origin import FileOpening, FolderOpening, Opening
from scalediff_engine.ui.welcome.model import was_welcome_seen
from scalediff_engine.ui.window_base import MenuButton

Wait = Callable[..., None]


class Next:
    """The dialog that comes after it."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.said: list[str] = []

    def begin(self) -> None:
        self.said.append("begin")

    def close(self) -> None:
        self.said.append("close")


class Start:
    """The window, with what it opened."""

    def __init__(self, app: QApplication, home: Path, patch: pytest.MonkeyPatch) -> None:
        self.opened: list[Next] = []
        self.ended: list[bool] = []
        patch.setattr(ui_app, "open_dialog", self._open)
        self.running = StartApp(app, Options(home, "dark"), lambda: self.ended.append(True))
        self.window = self.running.window
        self.running.begin()

    def _open(self, _: QApplication, opening: Opening, *_rest: object) -> Next:
        self.opened.append(Next(opening))
        return self.opened[-1]

    def drop(self, *urls: QUrl) -> bool:
        """Drop them; tells whether they were taken."""
        data = QMimeData()
        data.setUrls(list(urls))
        copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
        enter.ignore()
        self.window.dragEnterEvent(enter)
        self.window.dropEvent(QDropEvent(QPointF(9, 9), copy, data, left, none))
        return enter.isAccepted()


@pytest.fixture
def start(app: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Start]:
    found = Start(app, tmp_path / "home", monkeypatch)
    yield found
    found.running.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (16, 12)).save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


def test_a_picture_that_is_dropped_opens_by_itself(start: Start, picture: Path) -> None:
    assert start.window.isVisible()
    assert start.drop(QUrl.fromLocalFile(str(picture)))
    (opened,) = start.opened
    assert opened.opening == FileOpening(picture)
    assert opened.said == ["begin"]
    assert not start.window.isVisible()
    assert not start.ended
    start.running.close()
    assert opened.said == ["begin", "close"]


def test_a_folder_opens_as_a_list(start: Start, picture: Path) -> None:
    start.drop(QUrl.fromLocalFile(str(picture.parent)))
    assert start.opened[0].opening == FolderOpening((picture.parent,))


def test_what_is_not_on_this_computer_is_not_taken(start: Start) -> None:
    assert not start.drop(QUrl("https://example.org/cat.png"))
    assert not start.opened
    assert start.window.isVisible()


def test_pictures_are_chosen_by_keyboard(start: Start, picture: Path, wait_until: Wait) -> None:
    QTest.qWaitForWindowActive(start.window)
    QTest.keyClick(start.window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    (asking,) = start.window.findChildren(QFileDialog)
    assert asking.isModal()  # one at a time
    asking.setDirectory(str(picture.parent))
    asking.selectFile(picture.name)
    asking.accept()
    wait_until(lambda: bool(start.opened))
    assert start.opened[0].opening == FileOpening(picture)


def test_esc_ends_it_once(start: Start) -> None:
    QTest.keyClick(start.window, Qt.Key.Key_Escape)
    start.window.close()
    assert start.ended == [True]
    assert not start.opened


def test_the_other_windows_are_there(start: Start) -> None:
    (menu,) = start.window.findChildren(MenuButton)
    titles = [action.text().replace("&", "") for action in menu.menu().actions()]
    assert titles == ["Models…", "Recent results…", "First steps…"]


def test_the_first_pages_come_with_it_and_go_with_it(
    app: QApplication, tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEDIFF_COMMAND", '["false"]')  # no engine is needed
    home = tmp_path / "home"
    monkeypatch.setattr(ui_app, "open_dialog", lambda _, opening, *rest: Next(opening))
    running = StartApp(app, Options(home, welcomes=True), lambda: None)
    running.begin()
    assert running.context.rooms.welcome().isVisible()
    running.window.chosen.tell([picture])
    assert was_welcome_seen(home)
    running.close()
