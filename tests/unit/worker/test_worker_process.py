"""The real process: how it starts, what it says, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from worker_process import (
    QUICK,
    SIDE,
    WorkerProcess,
    make_image,
    make_run,
    result_of,
    worker,
)

from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.families import registry as families
from scalediff_engine.images.raw import read_pixels
from scalediff_engine.jobs import spool
from scalediff_engine.jobs.worker_process import Advanced, Done, Failed, Loading, Ready, Run, Stop
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.planning.planner import plan_for
from scalediff_engine.planning.progress import Phase


def test_a_job_is_done_as_the_pipeline_does_it_and_the_next_one_finds_the_model_loaded(
    tmp_path: Path,
) -> None:
    image = make_image(tmp_path, depth="u16")
    run = make_run(tmp_path, image=image)
    Path(run.folder).mkdir()
    (Path(run.folder) / ".scalediff-1.part").write_bytes(b"left by a worker that was killed")
    with worker(tmp_path) as process:
        outcome = process.do(run)
        assert isinstance(outcome, Done), outcome
        second = process.do(make_run(tmp_path, "second", image=image))
        assert isinstance(second, Done)
    news = [news for _, news in process.heard]
    assert [one for one in news if isinstance(one, Loading)] == [
        Loading("job", done=False),
        Loading("job", done=True),
    ]
    assert result_of(run) == result_of(make_run(tmp_path, "second", image=image))

    raw = read_pixels(image)
    prepared = plan_for(raw.picture.size, QUICK)
    model = families.load("embedded", "cpu")
    expected = upscale(raw.picture, prepared.plan, prepared.settings, model, lambda _: None)
    found = read_pixels(Path(run.folder) / spool.RESULT)
    assert (found.header.order, found.header.depth, found.header.alpha) == (
        "bgr",
        "u16",
        "straight",
    )
    step = 1 / 65535
    assert np.abs(found.picture.pixels - expected.pixels).max() < 0.51 * step
    assert expected.alpha is not None
    assert found.picture.alpha is not None
    assert np.abs(found.picture.alpha - expected.alpha).max() < 0.51 * step

    recipe = json.loads(outcome.recipe)
    assert recipe["target"] == f"{2 * SIDE}x{2 * SIDE}"
    assert recipe["settings"]["prompt"] == QUICK.prompt
    kept = sorted(path.name for path in Path(run.folder).iterdir())
    assert kept == [spool.PLAN, spool.PREVIEW, spool.RESULT]  # and no checkpoint any more


def test_progress_rises_and_previews_are_numbered(tmp_path: Path) -> None:
    with worker(tmp_path) as process:
        run = make_run(tmp_path)
        assert isinstance(process.do(run), Done)
    told = [news.progress for _, news in process.heard if isinstance(news, Advanced)]
    assert [report.step for report in told if report.phase == Phase.DENOISE.value] == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip
    fractions = [report.fraction for report in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert all(report.seconds_left is not None for report in told)
    numbers = [report.preview for report in told]
    assert numbers == sorted(numbers)
    assert numbers[-1] >= 2  # the first and the last
    with Image.open(Path(run.folder) / spool.PREVIEW) as preview:
        assert preview.format == "JPEG"
        assert preview.info["comment"] == str(numbers[-1]).encode()


def test_it_is_ready_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, atexit\n"
        "class Watch:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in ('torch', 'diffusers', 'transformers'):\n"
        "            sys.stderr.write(f'importing {name}\\n')\n"
        "sys.meta_path.insert(0, Watch())\n"
    )
    with worker(tmp_path) as process:
        assert process.heard[0][1] == Ready()
        time.sleep(1.5)  # time for a heartbeat, and for whatever would be imported
        assert "importing" not in process.log
        assert process.beats
        process.order(make_run(tmp_path))
        process.wait_for(Loading)
        assert "importing torch" in process.log


def test_it_ends_at_once_when_its_input_closes_also_in_the_midst_of_a_job(
    tmp_path: Path,
) -> None:
    with worker(tmp_path) as process:
        process.order(make_run(tmp_path, settings=UpscaleSettings(scale=4.0, device="cpu")))
        process.wait_for(Advanced)
        assert process.close() == 0
        assert not any(isinstance(news, Done) for _, news in process.heard)


def test_it_ends_when_nobody_hears_it_any_more(tmp_path: Path) -> None:
    hears, tells = os.pipe()
    os.close(hears)
    command = [sys.executable, "-m", "scalediff_engine.worker", "--lock", str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=tells) as process:
        os.close(tells)
        assert process.wait(timeout=20) == 0


def test_the_lock_keeps_a_second_worker_waiting_until_the_first_has_gone(tmp_path: Path) -> None:
    with worker(tmp_path) as first, worker(tmp_path, ready=False) as second:
        time.sleep(1.5)
        assert second.heard == []
        first.kill()
        second.wait_for(Ready)


def test_a_lock_that_does_not_come_free_is_logged(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "worker.lock"),
        worker(tmp_path, "--lock-seconds", "0.2", ready=False) as process,
    ):
        assert process.process.wait(timeout=20) == 75
    assert "Another worker holds the lock" in process.log


def test_what_libraries_print_does_not_disturb_the_news(tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.py"
    noisy.write_text(
        "import os, subprocess, sys\n"
        "import scalediff_engine.worker.process as process\n"
        "import scalediff_engine.worker.streams as orders\n"
        "forget = orders.Task.leave_if_told\n"
        "def leave_if_told(task):\n"
        "    print('noise of Python')\n"
        "    sys.stdout.flush()\n"
        "    os.write(1, b'noise below Python\\n')\n"
        "    subprocess.run([sys.executable, '-c', 'print(\"noise of a child\", input())'])\n"
        "    forget(task)\n"
        "orders.Task.leave_if_told = leave_if_told\n"
        "process.run()\n"
    )
    with worker(tmp_path, program=[sys.executable, str(noisy)]) as process:
        assert isinstance(process.do(make_run(tmp_path)), Done)
    for noise in ("noise of Python", "noise below Python", "EOFError"):
        assert noise in process.log


def test_an_order_that_is_none_is_passed_over(tmp_path: Path) -> None:
    with worker(tmp_path) as process:
        assert process.process.stdin is not None
        process.process.stdin.write(b'{"is": "run"}\nnonsense\n')
        process.order(Stop("nobody", keep=True))
        assert isinstance(process.do(make_run(tmp_path)), Done)
    assert process.log.count("An order was not understood") == 2


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (UpscaleSettings(model="no-such-model"), "model-missing"),
        (UpscaleSettings(device="cuda:99"), "usage"),
        (UpscaleSettings(scale=99.0), "usage"),
        (UpscaleSettings(max_memory_gib=0.1), "not-enough-memory"),
    ],
)
def test_a_job_that_makes_no_sense_fails_with_a_sentence(
    settings: UpscaleSettings, code: str, shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    outcome = shared_worker.do(make_run(tmp_path, settings=settings))
    assert isinstance(outcome, Failed)
    assert outcome.problem.code == code


def test_a_source_that_is_no_picture_fails_with_a_sentence(
    shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    image = tmp_path / "a"
    image.write_bytes(b"no picture")
    outcome = shared_worker.do(Run("bad", str(tmp_path / "bad"), str(image), QUICK))
    assert isinstance(outcome, Failed)
    assert outcome.problem.code == "picture-unreadable"
    outcome = shared_worker.do(Run("gone", str(tmp_path / "b"), str(tmp_path / "gone"), QUICK))
    assert isinstance(outcome, Failed)
    assert outcome.problem.code == "input-missing"
    assert str(tmp_path) not in outcome.problem.message


def test_a_defect_fails_the_job_and_not_the_worker(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import scalediff_engine.worker.job as job, scalediff_engine.worker.process as process\n"
        "upscale = job.upscale\n"
        "def once(*given):\n"
        "    job.upscale = upscale\n"
        "    raise KeyError('/home/somebody and a prompt')\n"
        "job.upscale = once\n"
        "process.run()\n"
    )
    with worker(tmp_path, program=[sys.executable, str(broken)]) as process:
        outcome = process.do(make_run(tmp_path))
        assert isinstance(outcome, Failed)
        assert outcome.problem.code == "error"
        assert "KeyError" in outcome.problem.message
        assert "somebody" not in outcome.problem.message
        assert isinstance(process.do(make_run(tmp_path)), Done)
    assert "Traceback" in process.log
