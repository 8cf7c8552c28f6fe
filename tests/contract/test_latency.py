"""How soon the engine answers, also while both cores compute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engines import ROOT, EngineProcess, engine, real_worker, until

from scalediff_engine.client.messages import JobRequest, JobState, UpscaleSettings
from scalediff_engine.client.pixels import PixelHeader

HEALTH_S = 0.020
# A step of this job takes about this long on a slow machine; cancelling takes no longer.
STEP_S = 3.0


def long_job(running: EngineProcess) -> str:
    settings = UpscaleSettings(scale=4, steps=50)
    job = running.client.submit(JobRequest(running.upload(96).id, settings)).id
    until(lambda: (running.client.job(job).progress or None) and sharpening(running, job), 90)
    return job


def sharpening(running: EngineProcess, job: str) -> bool:
    progress = running.client.job(job).progress
    return progress is not None and progress.stage >= 2 and progress.step >= 1


@pytest.mark.nightly
def test_health_answers_at_once_while_a_job_takes_all_cores(tmp_path: Path) -> None:
    with engine(tmp_path, real_worker(tmp_path, 5)) as running:
        job, client = long_job(running), running.client
        times: list[float] = []
        for _ in range(50):
            began = time.perf_counter()
            client.health()
            times.append(time.perf_counter() - began)
            time.sleep(0.02)
        assert client.job(job).state is JobState.RUNNING
        middle = sorted(times)[25]
        sys.stderr.write(f"health: median {middle * 1e3:.1f} ms, most {max(times) * 1e3:.1f} ms\n")
        assert middle < HEALTH_S


@pytest.mark.nightly
def test_cancelling_takes_no_longer_than_a_step(tmp_path: Path) -> None:
    with engine(tmp_path, real_worker(tmp_path, 5)) as running:
        job, client = long_job(running), running.client
        before = client.job(job).progress
        began = time.perf_counter()
        client.cancel(job)
        list(client.watch(job))
        seconds = time.perf_counter() - began
        info = client.job(job)
        assert info.state is JobState.CANCELLED
        assert before is not None
        assert info.progress is not None
        assert info.progress.step - before.step <= 1
        sys.stderr.write(f"cancel: {seconds * 1e3:.0f} ms\n")
        assert seconds < STEP_S


@pytest.mark.nightly
def test_pixels_travel_about_as_fast_as_bytes_are_copied(tmp_path: Path) -> None:
    side = 4096
    samples = bytearray(os.urandom(side * 4)) * side  # 64 MiB
    with engine(tmp_path) as running:
        client = running.client
        ups, downs, copies = [], [], []
        for number in range(4):
            began = time.perf_counter()
            image = client.upload(PixelHeader(side, side, "rgb", "u8", "straight"), samples)
            ups.append(time.perf_counter() - began)
            began = time.perf_counter()
            back = client.image(image.id)
            downs.append(time.perf_counter() - began)
            assert back.samples == samples
            client.remove_image(image.id)
            began = time.perf_counter()
            file = tmp_path / f"copy{number}"
            file.write_bytes(samples)
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
            copies.append(time.perf_counter() - began)
            file.unlink()
        up, down, copy = (sorted(times)[1] for times in (ups, downs, copies))
        sys.stderr.write(
            f"4096x4096 RGBA8: up {up:.3f} s, down {down:.3f} s; written to a file and flushed: "
            f"{copy:.3f} s\n"
        )
        assert up < max(0.4, 6 * copy)
        assert down < max(0.4, 6 * copy)


def seconds_to_first_answer(home: Path) -> float:
    began = time.perf_counter()
    with engine(home) as running:
        assert running.client.health().version
        return time.perf_counter() - began


def seconds_to_import(modules: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
    return time.perf_counter() - began


@pytest.mark.nightly
def test_the_server_starts_about_as_soon_as_its_libraries(tmp_path: Path) -> None:
    starts, imports = [], []
    for number in range(3):
        starts.append(seconds_to_first_answer(tmp_path / str(number)))
        imports.append(seconds_to_import("fastapi, uvicorn, sse_starlette"))
    sys.stderr.write(f"start to first answer: {min(starts):.2f} s\n")
    assert min(starts) < 2.5 * min(imports)


def test_the_server_imports_nothing_heavy() -> None:
    heavy = ("torch", "diffusers", "transformers", "PySide6", "PIL")
    code = (
        "import sys, json, scalediff_engine.cli.app, scalediff_engine.server.problems;"
        f"print(json.dumps([m for m in {heavy!r} if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert json.loads(done.stdout) == []
