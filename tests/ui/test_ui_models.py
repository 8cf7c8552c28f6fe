"""The models dialog: its model with answers of the test, and the window over it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

import pytest
from fake_gateway import GIB, FakeGateway, FakeLater
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from room_screenshots import listed

from scalediff_engine.client.messages import (
    DownloadList,
    DownloadState,
    ModelDownload,
    ModelFolder,
    ModelPlace,
    ModelRemoved,
    Problem,
)
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.models.model import Group, ModelsModel, download_status
from scalediff_engine.ui.models.window import ModelsWindow

RUNNING = ModelDownload("1", "sd15", "SD 1.5", DownloadState.RUNNING, GIB, 2 * GIB, 90.0)
FOLDER = "folder:/media/ada/models"


@pytest.fixture
def model(gateway: FakeGateway, later: FakeLater) -> ModelsModel:
    found = ModelsModel(gateway, later)
    found.begin()
    gateway.last("models").succeed(listed())
    gateway.last("downloads").succeed(DownloadList([]))
    return found


def test_each_model_folder_and_refused_file_has_its_place(model: ModelsModel) -> None:
    found = {group: [e.key for e in model.entries if e.group is group] for group in Group}
    assert found[Group.INSTALLED] == ["embedded", "sdxl"]
    assert [key.rpartition("/")[2] for key in found[Group.ELSEWHERE]] == [
        "juggernautXL_v9.safetensors"
    ]
    assert found[Group.DOWNLOADABLE] == ["flux", "sd15"]
    assert FOLDER in found[Group.FOLDERS]
    assert len(found[Group.REFUSED]) == 1
    assert model.chosen == "embedded"


def test_what_can_be_done_depends_on_what_it_is(model: ModelsModel) -> None:
    can: dict[str, str] = {}
    for entry in model.entries:
        model.choose(entry.key)
        can[entry.key.rpartition("/")[2]] = "".join(
            letter
            for letter, may in zip(
                "drf", (model.can_download, model.can_remove, model.can_forget), strict=True
            )
            if may
        )
    assert can == {
        "embedded": "",
        "sdxl": "r",
        "juggernautXL_v9.safetensors": "",
        "flux": "d",
        "sd15": "dr",
        "models": "f",
        "checkpoints": "",
        "old-model.ckpt": "",
    }


def test_a_download_is_followed_to_its_end(
    model: ModelsModel, gateway: FakeGateway, later: FakeLater
) -> None:
    model.choose("sd15")
    model.start_download()
    assert gateway.last("download_model").args == ("sd15",)
    gateway.last("download_model").succeed(replace(RUNNING, state=DownloadState.WAITING))
    gateway.last("downloads").succeed(DownloadList([RUNNING]))
    assert model.download == RUNNING
    assert not model.can_download
    assert (
        download_status(RUNNING) == "\u20661 GiB\u2069 of \u20662 GiB\u2069 · About 1 min 30 s left"
    )
    later.pass_ms(500)
    gateway.last("downloads").succeed(DownloadList([replace(RUNNING, state=DownloadState.DONE)]))
    assert gateway.pending("models")
    assert "SD 1.5" in model.note
    later.pass_ms(5000)
    assert not gateway.pending("downloads")


def test_a_download_of_another_window_is_seen_too(gateway: FakeGateway, later: FakeLater) -> None:
    model = ModelsModel(gateway, later)
    model.begin()
    gateway.last("models").succeed(listed())
    gateway.last("downloads").succeed(DownloadList([RUNNING]))
    model.choose("sd15")
    assert model.is_arriving
    later.pass_ms(500)
    assert gateway.pending("downloads")


def test_a_download_can_be_stopped_and_taken_up(model: ModelsModel, gateway: FakeGateway) -> None:
    model.choose("sd15")
    model.start_download()
    gateway.last("download_model").succeed(RUNNING)
    model.cancel_download()
    assert gateway.last("cancel_download").args == ("1",)
    gateway.last("cancel_download").succeed(replace(RUNNING, state=DownloadState.CANCELLED))
    assert model.download is None
    assert model.can_download
    assert gateway.pending("models")


def test_a_refusal_is_told_and_does_not_lock_anything(
    model: ModelsModel, gateway: FakeGateway
) -> None:
    model.choose("flux")
    model.start_download()
    gateway.last("download_model").fail("being downloaded already")
    assert model.problem is not None
    assert model.can_download


def test_removing_says_what_it_freed(model: ModelsModel, gateway: FakeGateway) -> None:
    model.choose("sdxl")
    model.remove()
    assert not model.can_remove
    gateway.last("remove_model").succeed(ModelRemoved(7 * GIB))
    assert "7 GiB" in model.note
    assert gateway.last("models")


def test_a_folder_is_added_and_forgotten(model: ModelsModel, gateway: FakeGateway) -> None:
    model.add_folder("/media/ada/models")
    gateway.last("add_model_folder").succeed(ModelFolder("/media/ada/models", "", True, 3))
    gateway.last("models").succeed(listed())
    assert model.chosen == FOLDER
    assert "3" in model.note
    model.forget_folder()
    assert gateway.last("forget_model_folder").args == ("/media/ada/models",)
    gateway.last("forget_model_folder").succeed(None)
    found = listed()
    gateway.last("models").succeed(replace(found, folders=found.folders[1:]))
    assert model.chosen == "embedded"


def test_an_empty_folder_is_refused_with_its_sentence(
    model: ModelsModel, gateway: FakeGateway
) -> None:
    model.add_folder("/empty")
    gateway.last("add_model_folder").fail("There is no model in /empty.")
    assert model.problem == Problem("trouble", "There is no model in /empty.")
    assert not model.is_busy


@pytest.fixture
def window(app: QApplication, model: ModelsModel) -> Generator[ModelsWindow]:
    found = ModelsWindow(model, Look(Scheme.DARK))
    found.show()
    found.activateWindow()
    QTest.qWaitForWindowActive(found)
    yield found
    found.hide()


def test_the_keyboard_goes_from_line_to_line(window: ModelsWindow, model: ModelsModel) -> None:
    QTest.keyClick(window.list, Qt.Key.Key_Down)
    assert model.chosen == "sdxl"
    QTest.keyClick(window.list, Qt.Key.Key_Down)
    QTest.keyClick(window.list, Qt.Key.Key_Down)
    assert model.chosen is not None
    assert model.chosen.endswith("juggernautXL_v9.safetensors")


def test_the_buttons_are_those_that_can_be_used(window: ModelsWindow, model: ModelsModel) -> None:
    details = window.details
    for key, seen in (
        ("embedded", set()),
        ("sdxl", {details.remove}),
        ("flux", {details.download}),
        (FOLDER, {details.forget}),
    ):
        model.choose(key)
        buttons = (details.download, details.cancel, details.remove, details.forget)
        assert {button for button in buttons if button.isVisible()} == seen


def test_remove_asks_and_says_what_it_frees(
    window: ModelsWindow, model: ModelsModel, gateway: FakeGateway
) -> None:
    model.choose("sdxl")
    for press, count in (("Keep it", 0), ("Remove it", 1)):
        window.details.remove.click()
        (question,) = [q for q in window.findChildren(QMessageBox) if q.isVisible()]
        assert "6.5 GiB" in question.informativeText()
        next(b for b in question.buttons() if b.text() == press).click()
        assert len(gateway.all("remove_model")) == count


def test_a_licence_is_a_link_only_to_a_page(window: ModelsWindow, model: ModelsModel) -> None:
    assert model.listed is not None
    evil = replace(model.listed.models[1], licence="<b>x</b>", licence_url="file:///etc/passwd")
    model.listed = replace(model.listed, models=[evil])
    model.choose("sdxl")
    text = window.details._licence.text()
    assert "href" not in text
    assert "&lt;b>" in text


def test_where_it_is_is_shown_on_demand(window: ModelsWindow, model: ModelsModel) -> None:
    model.choose("sdxl")
    assert not window.details._path.isVisible()
    window.details.where.unfold(True)
    assert "snapshots" in window.details._path.text()
    assert window.details._path.isVisible()


def test_a_refused_file_shows_its_sentence(window: ModelsWindow, model: ModelsModel) -> None:
    model.choose(model.entries[-1].key)
    assert "pickle" in window.details._problem.text()
    assert window.details._problem.isVisible()


def test_a_model_that_does_not_fit_says_so(window: ModelsWindow, model: ModelsModel) -> None:
    model.choose("flux")
    assert "48.9 GiB\u2069, more than there is" in window.details._problem.text()
    assert window.details.download.isEnabled()


def test_an_engine_that_comes_later_is_asked_again(gateway: FakeGateway, later: FakeLater) -> None:
    model = ModelsModel(gateway, later)
    model.begin()
    gateway.last("models").fail("no engine")
    assert model.problem is not None
    later.pass_ms(3000)
    gateway.last("models").succeed(listed())
    assert model.problem is None


def test_esc_closes_and_downloads_go_on(
    window: ModelsWindow, model: ModelsModel, gateway: FakeGateway
) -> None:
    ended: list[int] = []
    window.ended.add(lambda: ended.append(1))
    model.choose("sd15")
    model.start_download()
    gateway.last("download_model").succeed(RUNNING)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert ended == [1]
    assert not gateway.all("cancel_download")


def test_all_places_have_a_group_or_are_hidden(model: ModelsModel) -> None:
    assert model.listed is not None
    absent = replace(model.listed.models[0], name="x", place=ModelPlace.ABSENT)
    model.listed = replace(model.listed, models=[*model.listed.models, absent])
    assert "x" not in {entry.key for entry in model.entries}


def test_texts_and_the_keyboard_reach_everything(window: ModelsWindow) -> None:
    details = window.details
    for widget in (window.list, window.add, window.leave, details.remove, details.download):
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        text: Callable[[], str] = getattr(widget, "text", str)
        assert widget.accessibleName() or text() or not widget.isVisible()
