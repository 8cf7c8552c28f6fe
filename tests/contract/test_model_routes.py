"""Models over the wire: folders, downloads with a scripted stand-in, and removal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psutil
import pytest
from engine_server import TOKEN, Running, fake_engine, serving

from scalediff_engine.base.process import Program
from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import NotFound, Refused
from scalediff_engine.client.messages import DownloadState, ModelPlace
from scalediff_engine.client.places import EngineRecord, Places
from scalediff_engine.server.engine import EnginePatience
from scalediff_engine.server.model_list import list_models
from scalediff_engine.server.sessions import SessionPatience
from scalediff_engine.store.scan import file_in

sys.path.append(str(Path(__file__).parents[1] / "unit" / "store"))
from model_files import unet, write_model

STAND_IN = """
import json, os, sys, time
told = json.loads(sys.stdin.readline())
def say(**event): print(json.dumps(event), flush=True)
open(os.environ["NOTES"], "a").write(told["hub_id"] + "\\n")
say(event="checking")
what = os.environ["WHAT"]
say(event="progress", done_bytes=10, total_bytes=40, seconds_left=3.5)
if what == "stay":
    sys.stdin.read()
    sys.exit()
if what == "fail":
    say(event="failed", code="disk-full", message="The disk is full.")
    sys.exit(7)
if what == "crash":
    print("no JSON", flush=True)
    os._exit(9)
say(event="progress", done_bytes=40, total_bytes=40, seconds_left=0.0)
say(event="done")
"""
PATIENCE = EnginePatience(sessions=SessionPatience(first=5.0, gone=0.4))
Serve = Callable[[str], tuple[Client, Running]]


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def serve(tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Serve]:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NOTES", str(notes))
    stack: list[object] = []

    def opened(what: str) -> tuple[Client, Running]:
        monkeypatch.setenv("WHAT", what)
        home = tmp_path / "home"
        engine = fake_engine(
            home,
            patience=PATIENCE,
            models=lambda: list_models(file_in(Places(home).data)),
            download=Program([sys.executable, "-c", STAND_IN], tmp_path / "log" / "d.log"),
        )
        context = serving(engine)
        running = context.__enter__()
        stack.append(context)
        record = EngineRecord(0, running.port, TOKEN, 1, "0", 0.0)
        return Client(lambda: record), running

    yield opened
    for context in stack:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


def state(client: Client) -> DownloadState:
    return client.downloads().downloads[-1].state


def test_a_download_is_followed_to_its_end(serve: Serve, notes: Path) -> None:
    client, running = serve("done")
    begun = client.download_model("sdxl")
    assert begun.model == "sdxl"
    assert begun.title == "Stable Diffusion XL"
    assert running.call(running.engine.pulse).jobs == 1
    wait_for(lambda: state(client) is DownloadState.DONE)
    (download,) = client.downloads().downloads
    assert (download.done_bytes, download.total_bytes) == (40, 40)
    assert notes.read_text() == "stabilityai/stable-diffusion-xl-base-1.0\n"
    assert running.call(running.engine.pulse).jobs == 0


def test_downloads_take_their_turn(serve: Serve, notes: Path) -> None:
    client, _ = serve("stay")
    first, second = client.download_model("sdxl"), client.download_model("sd15")
    with pytest.raises(Refused, match="already"):
        client.download_model("sd15")
    wait_for(lambda: client.downloads().downloads[0].state is DownloadState.RUNNING)
    assert state(client) is DownloadState.WAITING
    assert client.downloads().downloads[0].seconds_left == 3.5
    assert client.cancel_download(first.id).state is DownloadState.CANCELLED
    wait_for(lambda: state(client) is DownloadState.RUNNING)
    assert client.cancel_download(second.id).state is DownloadState.CANCELLED
    assert len(notes.read_text().splitlines()) == 2
    client.download_model("sdxl")
    assert [one.model for one in client.downloads().downloads] == ["sd15", "sdxl"]


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [("fail", "disk-full", "The disk is full."), ("crash", "engine", "status 9")],
)
def test_a_download_that_fails_says_why(serve: Serve, what: str, code: str, words: str) -> None:
    client, _ = serve(what)
    client.download_model("sdxl")
    wait_for(lambda: state(client) is DownloadState.FAILED)
    problem = client.downloads().downloads[0].problem
    assert problem is not None
    assert problem.code == code
    assert words in problem.message


def test_the_end_of_the_engine_ends_its_downloads(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTES", str(notes))
    monkeypatch.setenv("WHAT", "stay")
    program = Program([sys.executable, "-c", STAND_IN], tmp_path / "d.log")
    with serving(fake_engine(tmp_path / "home", download=program)) as running:
        assert running.ask("POST", "/v1/models/downloads", {"model": "sdxl"}).status == 201
        wait_for(notes.exists)
        process = running.engine.downloads._process
        assert process is not None
        assert psutil.pid_exists(process.pid)
    assert not psutil.pid_exists(process.pid)


def test_what_cannot_be_downloaded_is_refused(serve: Serve) -> None:
    client, _ = serve("done")
    with pytest.raises(Refused, match="no one place"):
        client.download_model("sdxl-lightning")
    with pytest.raises(NotFound):
        client.cancel_download("0" * 32)


def test_a_folder_is_looked_through_from_then_on(serve: Serve, tmp_path: Path) -> None:
    client, _ = serve("done")
    mine = write_model(tmp_path / "mine" / "one.safetensors", unet(2048))
    (tmp_path / "mine" / "old.ckpt").write_bytes(b"\x80\x02}")
    assert not [m for m in client.models().models if m.place is ModelPlace.ELSEWHERE]
    folder = client.add_model_folder(str(tmp_path / "mine"))
    assert (folder.models, folder.is_added) == (1, True)
    listed = client.models()
    (model,) = [m for m in listed.models if m.place is ModelPlace.ELSEWHERE]
    assert (model.name, model.installed, model.family) == (str(mine), True, "sdxl")
    assert model.memory_bytes > 2**30
    assert [one.path for one in listed.folders] == [str(tmp_path / "mine")]
    assert "pickle" in listed.refused[0].problem.message.lower()
    with pytest.raises(Refused, match="not deleted from here"):
        client.remove_model(str(mine))
    client.forget_model_folder(str(tmp_path / "mine"))
    assert not client.models().folders
    assert mine.exists()


@pytest.mark.parametrize("path", ["relative", "", "/a\0b"])
def test_a_path_that_is_none_is_refused(serve: Serve, path: str) -> None:
    client, _ = serve("done")
    with pytest.raises(Refused, match="absolute"):
        client.add_model_folder(path)
    with pytest.raises(Refused):
        client.forget_model_folder("/not/added")


def test_what_has_arrived_of_a_download_is_removed(serve: Serve, tmp_path: Path) -> None:
    client, _ = serve("stay")
    blobs = tmp_path / "cache" / "models--stabilityai--sdxl-turbo" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "abc.incomplete").write_bytes(b"x" * 5000)
    (model,) = [m for m in client.models().models if m.name == "sdxl-turbo"]
    assert (model.place, model.arrived_bytes) == (ModelPlace.DOWNLOADABLE, 5000)
    assert "Stability" in model.licence
    download = client.download_model("sdxl-turbo")
    with pytest.raises(Refused, match="cancel that first"):
        client.remove_model("sdxl-turbo")
    client.cancel_download(download.id)
    assert client.remove_model("sdxl-turbo").freed_bytes == 5000
    assert not blobs.exists()
    with pytest.raises(Refused, match="embedded"):
        client.remove_model("embedded")
