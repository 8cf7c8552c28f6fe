"""Recent results and models over the real engine, the real download and a hub on this computer."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from fake_hub import hub, sdxl_files
from PIL import Image
from PySide6.QtWidgets import QApplication
from real_engine import Host, client_of, dialog_processes, served, wait

from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import Refused
from scalediff_engine.client.messages import (
    DownloadState,
    JobInfo,
    JobRequest,
    JobState,
    ModelPlace,
    Purpose,
    SessionAnswer,
    SessionRequest,
    SessionState,
    UpscaleSettings,
)
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.client.places import Places
from scalediff_engine.client.start import find
from scalediff_engine.ui.app import RoomApp
from scalediff_engine.ui.context import Options
from scalediff_engine.ui.models.window import ModelsWindow
from scalediff_engine.ui.origin import Room, RoomOpening, SessionOpening
from scalediff_engine.ui.recent.window import RecentWindow

pytestmark = pytest.mark.slow
OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen"}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Places]:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with hub({"stabilityai/sdxl-turbo": sdxl_files(4_000_000)}) as found:
        found.slow_seconds = 0.005
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        with served(tmp_path / "home") as places:
            yield places


@pytest.fixture
def opened(app: QApplication, engine: Places) -> Generator[list[RoomApp]]:
    running: list[RoomApp] = []
    yield running
    for one in running:
        one.close()


def begin(
    app: QApplication, opened: list[RoomApp], opening: RoomOpening, places: Places
) -> RoomApp:
    running = RoomApp(app, opening, Options(places.home, "dark"), lambda: None)
    opened.append(running)
    running.begin()
    return running


def upscaled(client: Client) -> JobInfo:
    """A job that is done, whose editor has gone away."""
    samples = np.random.default_rng(0).integers(0, 256, 32 * 32 * 3, np.uint8)
    image = client.upload(PixelHeader(32, 32, "rgb", "u8"), samples)
    settings = UpscaleSettings(scale=2.0, seed=3, preset="fast")
    job = client.submit(JobRequest(image.id, settings, title="Layer 1"))
    wait(lambda: client.job(job.id).state.is_final)
    assert client.job(job.id).state is JobState.DONE
    return client.job(job.id)


def test_an_editor_gets_a_result_of_before(
    app: QApplication, engine: Places, opened: list[RoomApp]
) -> None:
    client = client_of(engine)
    job = upscaled(client)
    request = SessionRequest(
        "", "krita", environment=OFFSCREEN, options={"depth": "u16"}, purpose=Purpose.RECENT
    )
    session = client.open_session(request)
    assert session.purpose is Purpose.RECENT
    host = Host(client, session)
    wait(lambda: dialog_processes(engine.home))
    opening = RoomOpening(Room.RECENT, SessionOpening(session.id, find(engine)))
    running = begin(app, opened, opening, engine)
    model, window = running.recent, running.window
    assert model is not None
    assert isinstance(window, RecentWindow)
    wait(lambda: model.has_result and model.previews)
    assert window.insert.isVisible()
    window.insert.click()
    wait(lambda: host.is_told)
    assert (host.last.state, host.last.job) == (SessionState.ACCEPTED, job.id)
    assert host.last.options == {"depth": "u16"}
    assert client.result(job.id).header.width == 64
    wait(lambda: not dialog_processes(engine.home))


def test_the_engines_own_dialog_stays_until_its_editor_goes(engine: Places) -> None:
    client = client_of(engine)
    session = client.open_session(
        SessionRequest("", "gimp", environment=OFFSCREEN, purpose=Purpose.RECENT)
    )
    wait(lambda: dialog_processes(engine.home))
    (process,) = dialog_processes(engine.home)
    wait(lambda: process.cpu_times().user > 0.3)  # it has come as far as its window
    assert client.session(session.id).state is SessionState.OPEN
    client.end_session(session.id)
    wait(lambda: not dialog_processes(engine.home))


def test_only_a_result_can_be_accepted(engine: Places) -> None:
    client = client_of(engine)
    samples = np.zeros(300 * 300 * 3, np.uint8)
    image = client.upload(PixelHeader(300, 300, "rgb", "u8"), samples)
    job = client.submit(JobRequest(image.id, UpscaleSettings(scale=4.0)))
    with pytest.raises(Refused, match="empty"):
        client.open_session(SessionRequest(image.id, "krita", purpose=Purpose.RECENT))
    session = client.open_session(
        SessionRequest("", "krita", environment=OFFSCREEN, purpose=Purpose.RECENT)
    )
    with pytest.raises(Refused, match="no result"):
        client.answer_session(session.id, SessionAnswer(accepted=True, job=job.id))
    client.cancel(job.id)


def test_a_result_is_compared_saved_and_deleted(
    app: QApplication, engine: Places, opened: list[RoomApp], tmp_path: Path
) -> None:
    client = client_of(engine)
    job = upscaled(client)
    running = begin(app, opened, RoomOpening(Room.RECENT), engine)
    window = running.window
    assert isinstance(window, RecentWindow)
    model = window._model
    wait(lambda: model.has_result)
    window.compare.click()
    wait(lambda: model.comparison is not None)
    assert model.comparison is not None
    assert model.comparison.source is not None
    assert model.comparison.source.width == 32
    model.save(tmp_path / "out.png")
    wait(lambda: bool(model.note))
    with Image.open(tmp_path / "out.png") as saved:
        assert saved.size == (64, 64)
    model.remove()
    wait(lambda: not model.jobs)
    assert not client.jobs().jobs
    assert not (engine.data / "spool" / "jobs" / job.id).exists()


def test_a_model_is_downloaded_stopped_taken_up_used_and_removed(
    app: QApplication, engine: Places, opened: list[RoomApp], tmp_path: Path
) -> None:
    client = client_of(engine)
    running = begin(app, opened, RoomOpening(Room.MODELS), engine)
    window = running.window
    assert isinstance(window, ModelsWindow)
    model = window._model
    wait(lambda: model.listed is not None)
    model.choose("sdxl-turbo")
    window.details.download.click()
    wait(lambda: model.download is not None and model.download.done_bytes > 1_000_000)
    assert window.details.cancel.isVisible()
    window.details.cancel.click()
    wait(lambda: model.can_download and model.frees_bytes > 0)
    stopped = client.downloads().downloads[0]
    assert stopped.state is DownloadState.CANCELLED
    assert model.frees_bytes >= 1_000_000
    window.details.download.click()
    wait(lambda: "is here" in window.note.text())
    wait(lambda: model.entry is not None and model.entry.what.installed)  # type: ignore[union-attr]
    (info,) = [one for one in client.models().models if one.name == "sdxl-turbo"]
    assert info.place is ModelPlace.INSTALLED
    assert info.path is not None
    assert info.frees_bytes > 4_000_000
    assert (Path(info.path) / "model_index.json").is_file()
    model.remove()
    wait(lambda: "freed" in window.note.text())
    assert not (tmp_path / "cache" / "models--stabilityai--sdxl-turbo").exists()
