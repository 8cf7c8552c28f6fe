"""Files that never answer: pipes, and folders on dead disks."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine_server import Answer, Running, fake_engine, fake_plan, serving
from fastapi.dependencies.utils import get_dependant

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import ModelList, PlanInfo, UpscaleSettings, Window
from scalediff_engine.families.registry import FAMILIES
from scalediff_engine.server import engine as engine_module
from scalediff_engine.server import planner, remembered
from scalediff_engine.server.problems import _ROUTERS
from scalediff_engine.store.inspect import inspect_lora

# More than the threads that anyio and asyncio have for everything.
MANY = 45
DEAD = "/a/dead/disk/model.safetensors"


class DeadDisk:
    """Whatever reads from it waits."""

    def __init__(self) -> None:
        self.is_back = threading.Event()

    def plan(
        self, source: Size, settings: UpscaleSettings, pid: int | None, window: Window | None = None
    ) -> PlanInfo:
        if settings.model == DEAD:
            self.is_back.wait(60)
        return fake_plan(source, settings, pid, window)

    def models(self) -> ModelList:
        self.is_back.wait(60)
        return ModelList([])


@pytest.fixture
def disk() -> Generator[DeadDisk]:
    found = DeadDisk()
    yield found
    found.is_back.set()


def ask_for_plan(server: Running, model: str) -> Answer:
    wanted = {"width": 64, "height": 64, "settings": {"model": model}}
    return server.ask("POST", "/v1/plan", wanted)


def test_plans_about_a_dead_disk_hold_nothing_else_up(
    tmp_path: Path, disk: DeadDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_FILE_SECONDS", 2.0)
    with (
        serving(fake_engine(tmp_path, planner=disk.plan)) as server,
        ThreadPoolExecutor(MANY) as pool,
    ):
        waiting = [pool.submit(ask_for_plan, server, DEAD) for _ in range(MANY)]
        image = server.upload()
        assert ask_for_plan(server, "embedded").status == 200
        job = server.ask("POST", "/v1/jobs", {"image": image})
        assert job.status == 201
        for path in ("/v1/health", "/v1/jobs", f"/v1/jobs/{job.json['id']}", f"/v1/images/{image}"):
            assert server.ask("GET", path).status == 200
        assert not any(plan.done() for plan in waiting)
        refused = [plan.result().problem for plan in waiting]
        assert set(refused) == {(503, "engine-busy")}
        disk.is_back.set()  # the threads give their places back
        assert ask_for_plan(server, DEAD).status == 200


def test_a_list_of_models_from_a_dead_disk_is_the_last_one(
    tmp_path: Path, disk: DeadDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_MOST_SECONDS", 0.2)
    with serving(fake_engine(tmp_path, models=disk.models)) as server:
        assert server.ask("GET", "/v1/models").json["models"] == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_pipe_is_refused_as_a_model(tmp_path: Path, where: str) -> None:
    pipe = tmp_path / "x.safetensors"
    if where == "folder":
        (tmp_path / "model").mkdir()
        pipe = tmp_path / "model" / "model_index.json"
    os.mkfifo(pipe)
    settings = {"model": str(pipe if where == "file" else pipe.parent)}
    with serving(fake_engine(tmp_path / "home", planner=planner.plan)) as server:
        image = server.upload()
        for path, body in (
            ("/v1/plan", {"width": 64, "height": 64, "settings": settings}),
            ("/v1/jobs", {"image": image, "settings": settings}),
        ):
            answer = server.ask("POST", path, body)
            assert answer.problem == (422, "model-unusable"), answer.body
            assert "not a regular file" in answer.json["message"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
def test_a_pipe_is_refused_as_a_lora(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="not a regular file"):
        inspect_lora(tmp_path / "x.safetensors", FAMILIES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
def test_a_pipe_in_a_folder_of_models_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "one").mkdir(parents=True)
    os.mkfifo(folder / "x.safetensors")
    os.mkfifo(folder / "one" / "model_index.json")
    with serving(fake_engine(tmp_path / "home")) as server:
        answer = server.ask("POST", "/v1/models/folders", {"path": str(folder)})
        assert answer.problem == (422, "model-unusable")


def test_no_request_needs_a_thread_before_it_begins() -> None:
    """A dependency that is a plain function would take one of the threads that files may block."""
    plain: list[str] = []
    for router in _ROUTERS:
        for route in router.routes:
            waiting = [get_dependant(path=route.path, call=route.endpoint)]
            while waiting:
                found = waiting.pop()
                waiting += found.dependencies
                if not inspect.iscoroutinefunction(found.call):
                    plain.append(f"{route.path}: {found.call}")
    assert plain == []
