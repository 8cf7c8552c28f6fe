"""The first start: its pages, when it is shown, and how it goes away."""

from __future__ import annotations

import gc
from collections.abc import Generator
from pathlib import Path

import pytest
from fake_gateway import GIB, FakeGateway, FakeLater
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from room_screenshots import listed

from scalediff_engine.client.messages import (
    DeviceInfo,
    DownloadState,
    Health,
    ModelDownload,
    WorkerState,
)
from scalediff_engine.ui.context import Rooms
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.upscale import remembered
from scalediff_engine.ui.welcome.model import (
    Page,
    WelcomeModel,
    mark_welcome_seen,
    was_welcome_seen,
)
from scalediff_engine.ui.welcome.window import WelcomeWindow
from scalediff_engine.ui.workers import Workers


def health(name: str) -> Health:
    return Health("1", 1, 1, 1.0, 1, DeviceInfo(name, 8 * GIB), WorkerState.NONE, None, 0, 0)


@pytest.fixture
def taken() -> list[str]:
    return []


@pytest.fixture
def model(gateway: FakeGateway, later: FakeLater, taken: list[str]) -> WelcomeModel:
    found = WelcomeModel(gateway, later, (), taken.append, lambda: taken.append("seen"))
    found.begin()
    return found


def test_the_device_is_asked_for_until_it_is_known(
    model: WelcomeModel, gateway: FakeGateway, later: FakeLater
) -> None:
    gateway.last("health").succeed(health("not known yet"))
    assert model.device is None
    later.pass_ms(200)
    gateway.last("health").succeed(health("NVIDIA RTX 4070"))
    assert model.device is not None
    assert model.has_card


def test_the_choices_are_what_is_here_and_some_large_ones(
    model: WelcomeModel, gateway: FakeGateway
) -> None:
    gateway.last("models").succeed(listed())
    assert model.choices[0].title.startswith("ScaleDiff embedded")
    names = [info.name for info in model.choices]
    assert names[:2] == ["embedded", "sdxl"]
    assert names[-1] == "sd15"
    assert "flux" not in names
    assert "embedded" not in [info.name for info in model.fitting]


def test_a_model_that_is_here_is_taken_at_the_end(
    model: WelcomeModel, gateway: FakeGateway, taken: list[str]
) -> None:
    gateway.last("models").succeed(listed())
    model.choose("sdxl")
    model.go_on()
    model.go_on()
    assert not taken
    model.go_on()
    assert taken == ["sdxl", "seen"]
    assert not gateway.all("download_model")


def test_a_model_that_is_not_here_is_downloaded_and_not_taken(
    model: WelcomeModel, gateway: FakeGateway, taken: list[str]
) -> None:
    gateway.last("models").succeed(listed())
    model.choose("sd15")
    for _ in range(3):
        model.go_on()
    assert not taken
    gateway.last("download_model").fail("no engine")
    assert model.problem is not None
    model.go_on()
    waiting = ModelDownload("1", "sd15", "", DownloadState.WAITING)
    gateway.last("download_model").succeed(waiting)
    assert taken == ["seen"]


def test_skipping_takes_nothing(model: WelcomeModel, taken: list[str]) -> None:
    model.choose("sdxl")
    model.leave()
    model.leave()
    assert taken == ["seen"]


@pytest.fixture
def window(app: QApplication, model: WelcomeModel) -> Generator[WelcomeWindow]:
    found = WelcomeWindow(model, Look(Scheme.DARK))
    found.show()
    yield found
    found.hide()


def test_esc_skips_at_any_page(window: WelcomeWindow, taken: list[str]) -> None:
    QTest.keyClick(window, Qt.Key.Key_Return)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert taken == ["seen"]
    assert not window.isVisible()


def test_return_goes_on_and_back_goes_back(window: WelcomeWindow, model: WelcomeModel) -> None:
    QTest.keyClick(window, Qt.Key.Key_Return)
    assert model.page is Page.MODEL
    window.back.click()
    assert model.page is Page.DEVICE


def test_the_words_on_a_processor_are_honest(
    window: WelcomeWindow, model: WelcomeModel, gateway: FakeGateway
) -> None:
    gateway.last("health").succeed(health("the CPU"))
    gateway.last("models").succeed(listed())
    text = window._device_facts.text()
    assert "No graphics card" in text
    assert "Stable Diffusion 1.5" in text
    assert "FLUX" not in text


def test_closing_the_window_counts_as_seen(window: WelcomeWindow, taken: list[str]) -> None:
    window.close()
    assert taken == ["seen"]


def test_it_is_shown_once_and_can_be_opened_again(
    app: QApplication, gateway: FakeGateway, tmp_path: Path
) -> None:
    workers = Workers(1)
    rooms = Rooms(gateway, workers, Look(Scheme.DARK), PictureFiles(), tmp_path)
    rooms.welcome_once()
    (asked,) = gateway.all("health")
    rooms.close()
    assert asked.ticket.is_cancelled
    assert was_welcome_seen(tmp_path)
    again = Rooms(gateway, workers, Look(Scheme.DARK), PictureFiles(), tmp_path)
    again.welcome_once()
    assert len(gateway.all("health")) == 1
    window = again.welcome()
    assert again.welcome() is window
    gateway.last("models").succeed(listed())
    for _ in range(4):
        window._model.choose("sdxl")
        window._model.go_on()
    assert remembered.load(remembered.file_in(tmp_path)).model == "sdxl"
    again.close()
    workers.close()


def test_a_home_that_cannot_be_written_shows_it_once_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    mark_welcome_seen(tmp_path / "file")
    assert not was_welcome_seen(tmp_path / "file")


def test_windows_that_are_collected_leave_the_screen_alone(
    app: QApplication, model: WelcomeModel
) -> None:
    """A wrapper of the screen that a window owns would delete it: the next window crashes."""
    for _ in range(3):
        window = WelcomeWindow(model, Look(Scheme.DARK))
        window.hide()
        del window
        gc.collect()
    assert app.primaryScreen().availableSize().width() > 0
    assert WelcomeWindow(model, Look(Scheme.DARK)).screen() is not None
