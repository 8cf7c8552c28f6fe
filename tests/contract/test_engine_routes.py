"""The engine's own affairs: health, models, the report, tidying up, and its parts put together."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import fake_worker
import pytest
from engine_server import TOKEN, Running, fake_engine, files_in, serving

from scalediff_engine import __version__
from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    DeviceInfo,
    JobRequest,
    JobState,
    ModelInfo,
    ModelList,
    UpscaleSettings,
)
from scalediff_engine.client.places import EngineRecord
from scalediff_engine.jobs.record import Action
from scalediff_engine.server.engine import build_engine

ROOT = Path(__file__).parents[2]
DAY = 24 * 3600.0


def client_of(server: Running, token: str = TOKEN) -> Client:
    record = EngineRecord(0, server.port, token, 1, "0", 0.0)
    return Client(lambda: record)


def test_health_tells_how_the_engine_is(tmp_path: Path) -> None:
    with serving(fake_engine(tmp_path)) as server:
        client = client_of(server)
        client.submit(JobRequest(server.upload()))
        health = client.health()
        assert (health.version, health.protocol, health.pid) == (__version__, 1, os.getpid())
        assert (health.queued, health.running, health.worker_pid) == (1, 0, None)
        assert health.device == DeviceInfo("a device", 2**30)
        assert health.memory_bytes > 2**20
        assert 0 <= health.uptime_seconds < 60


def test_health_does_not_wait_for_a_device_that_is_slow_to_ask(tmp_path: Path) -> None:
    gate = threading.Event()

    def slow() -> DeviceInfo:
        gate.wait(10)
        return DeviceInfo("a slow device", 1)

    with serving(fake_engine(tmp_path, device=slow)) as server:
        client = client_of(server)
        assert client.health().device.name == "not known yet"
        gate.set()
        deadline = time.monotonic() + 5
        while client.health().device.name != "a slow device":
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_models_are_listed_and_remembered(tmp_path: Path) -> None:
    asked: list[int] = []
    model = ModelInfo("x", "X", "sdxl", 8, 8, False, 0, 0.5, 4, 1.0)

    def ask() -> ModelList:
        asked.append(1)
        return ModelList([model])

    with serving(fake_engine(tmp_path, models=ask)) as server:
        assert client_of(server).models() == ModelList([model])
        assert client_of(server).models() == ModelList([model])
    assert asked == [1]


def test_models_that_cannot_be_listed_are_an_empty_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> ModelList:
        raise OSError("broken")

    with serving(fake_engine(tmp_path, models=broken)) as server:
        assert client_of(server).models() == ModelList([])
    assert "broken" in caplog.text


def test_the_report_has_no_token_and_no_prompt(tmp_path: Path) -> None:
    with serving(fake_engine(tmp_path)) as server:
        log = server.engine.places.log
        log.mkdir(parents=True)
        (log / "engine.log").write_text(f"a secret garden, {TOKEN}, {Path.home()}/x\n")
        client = client_of(server)
        settings = UpscaleSettings(prompt="a secret garden")
        client.submit(JobRequest(server.upload(), settings, title="My Secret"))
        with zipfile.ZipFile(io.BytesIO(client.bundle())) as archive:
            told = {name: archive.read(name).decode() for name in archive.namelist()}
    assert told["log/engine.log"] == "<text>, <token>, ~/x\n"
    assert "ecret" not in "".join(told.values())
    assert TOKEN not in "".join(told.values())


def test_what_is_overdue_is_swept(tmp_path: Path) -> None:
    with serving(fake_engine(tmp_path)) as server:
        client = client_of(server)
        kept, old, unused = (server.upload() for _ in range(3))
        live, ended = client.submit(JobRequest(kept)).id, client.submit(JobRequest(old)).id
        client.cancel(ended)
        (server.engine.spool.job_folder(ended) / "result.pixels").write_bytes(b"x")

        def sweep(now: float) -> None:
            import asyncio

            asyncio.run_coroutine_threadsafe(server.engine.sweep(now), server.loop).result(10)

        sweep(time.time() + DAY - 60)
        assert [job.id for job in client.jobs().jobs] == [ended, live]
        sweep(time.time() + DAY + 60)
        assert [job.id for job in client.jobs().jobs] == [live]
        sweep(time.time() + 8 * DAY)  # the folder of a job that nobody knows
        assert files_in(server.engine.places.data / "spool") == [f"images/{kept}.pixels"]
        assert unused != old


def test_dead_uploads_are_swept_at_the_start(tmp_path: Path) -> None:
    engine = fake_engine(tmp_path)
    (tmp_path / "data" / "spool" / "images" / ("0" * 32 + ".part")).write_bytes(b"half")
    with serving(engine):
        deadline = time.monotonic() + 5
        while files_in(tmp_path / "data" / "spool"):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_job_that_was_retried_is_not_forgotten(tmp_path: Path) -> None:
    with serving(fake_engine(tmp_path)) as server:
        job = client_of(server).submit(JobRequest(server.upload())).id
        for action in (Action.CANCEL, Action.RETRY):
            server.call(lambda action=action: server.scheduler.act(job, action))
        old = replace(server.scheduler.found[job], updated_at=0.0)
        server.scheduler.found[job] = old
        assert server.ask("GET", f"/v1/jobs/{job}").json["state"] == "queued"


def test_the_lifespan_starts_and_closes_the_engine(tmp_path: Path) -> None:
    engine = fake_engine(tmp_path)
    with serving(engine) as server:
        assert server.scheduler.is_started
        assert not server.scheduler.is_closed
        pulse = engine.pulse()
        assert (pulse.jobs, pulse.sessions, pulse.requests) == (0, 0, 0)
    assert server.scheduler.is_closed


def test_the_real_parts_together_do_a_job_and_know_it_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    monkeypatch.setenv("PYTHONPATH", path)
    worker = [sys.executable, fake_worker.__file__]
    with serving(lambda: build_engine(tmp_path, TOKEN, worker=worker)) as server:
        client = client_of(server)
        image = server.upload()
        job = client.submit(JobRequest(image, UpscaleSettings(scale=2, device="cpu"))).id
        events = list(client.watch(job))
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert events[-1].state is JobState.DONE
        before = client.job(job)
        result = server.ask("GET", f"/v1/jobs/{job}/result")
        assert result.status == 200
    with serving(lambda: build_engine(tmp_path, TOKEN, worker=worker)) as server:
        client = client_of(server)
        assert client.job(job) == before
        assert list(client.watch(job)) == events
        assert server.ask("GET", f"/v1/jobs/{job}/result").body == result.body
        client.remove(job)
        server.ask("DELETE", f"/v1/images/{image}")
        assert files_in(tmp_path / "data" / "spool") == []


def test_the_server_imports_nothing_heavy() -> None:
    code = (
        "import sys, scalediff_engine.server.problems, scalediff_engine.server.planner;"
        "print([m for m in ('torch', 'diffusers', 'numpy', 'PySide6') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "[]"
