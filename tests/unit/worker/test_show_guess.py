"""A guess is the first preview of a job that would show nothing for a while, and of no other."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from worker_process import QUICK, SIDE, make_image, make_run, worker

from scalediff_engine.client.messages import UpscaleSettings, Window
from scalediff_engine.jobs import spool
from scalediff_engine.jobs.worker_process import Advanced, Done, FileWork, Loading, Run, Stop
from scalediff_engine.worker.ends import Previews
from scalediff_engine.worker.guess import show_guess
from scalediff_engine.worker.streams import Task

FAST = UpscaleSettings(scale=2.0, method="fast")


def shown(run: Run) -> list[Advanced]:
    told: list[Advanced] = []
    show_guess(Task(run), told.append)
    return told


def test_it_is_seen_before_the_model_is_loaded_and_a_fast_job_lets_the_model_stay(
    tmp_path: Path,
) -> None:
    image = make_image(tmp_path)
    with worker(tmp_path) as process:
        for name, settings in (("first", QUICK), ("fast", FAST), ("second", QUICK)):
            assert isinstance(process.do(make_run(tmp_path, name, settings, image)), Done)
    news = [news for _, news in process.heard]
    loads = [one for one in news if isinstance(one, Loading)]
    assert loads == [Loading("first", done=False), Loading("first", done=True)]
    told = {
        name: [one.progress for one in news if isinstance(one, Advanced) and one.job == name]
        for name in ("first", "fast", "second")
    }
    first = told["first"]
    assert news.index(loads[0]) > next(i for i, one in enumerate(news) if isinstance(one, Advanced))
    assert (first[0].preview, first[0].is_guess, first[0].fraction) == (1, True, 0)
    assert all(one.is_guess == (one.preview == 1) for one in first)
    assert not first[-1].is_guess
    # the model is there and shows its own first step at once
    assert not any(one.is_guess for one in told["second"] + told["fast"])


def test_it_is_what_the_source_becomes(tmp_path: Path) -> None:
    run = make_run(tmp_path, image=make_image(tmp_path, alpha="none"))
    (told,) = shown(run)
    assert told.progress.steps == 6
    with Image.open(Path(run.folder) / spool.PREVIEW) as found:
        assert found.size == (2 * SIDE, 2 * SIDE)
        small = np.asarray(found.resize((SIDE, SIDE), Image.Resampling.BOX), float)
    raw = np.frombuffer(Path(run.image).read_bytes()[-SIDE * SIDE * 3 :], np.uint8)
    source = raw.reshape(SIDE, SIDE, 3)[..., ::-1]
    assert np.abs(small - source).mean() < 8  # JPEG, and what the network takes for noise
    assert np.abs(small - source[..., ::-1]).mean() > 20


def test_a_look_at_a_part_has_one_of_that_part(tmp_path: Path) -> None:
    run = replace(make_run(tmp_path), window=Window(20, 30, 100, 80))
    assert shown(run)
    with Image.open(Path(run.folder) / spool.PREVIEW) as found:
        assert found.size == (100, 80)


def test_who_has_seen_a_preview_sees_no_guess(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    Path(run.folder).mkdir()
    Previews(Path(run.folder)).offer(np.zeros((4, 4, 3), np.uint8), last=True)
    assert not shown(run)


def test_nobody_waits_for_one_of_a_batchs_file(tmp_path: Path) -> None:
    work = FileWork(str(tmp_path / "a.png"), str(tmp_path / "b.png"), False, None)
    assert not shown(Run("job", str(tmp_path / "job"), "", QUICK, work))


def test_a_job_that_was_left_already_is_left(tmp_path: Path) -> None:
    task = Task(make_run(tmp_path))
    task.hear(Stop("job", keep=False))
    told: list[Advanced] = []
    show_guess(task, told.append)
    assert not told


@pytest.mark.parametrize(
    "settings",
    [
        FAST,
        replace(QUICK, scale=0.5),
        replace(QUICK, model="/there/is/none.safetensors"),
        replace(QUICK, max_memory_gib=0.01),
        replace(QUICK, scale=1.0),
    ],
)
def test_what_is_fast_or_cannot_be_done_or_gains_nothing_has_none(
    tmp_path: Path, settings: UpscaleSettings
) -> None:
    assert not shown(make_run(tmp_path, settings=settings))


def test_a_damaged_upload_or_a_full_disk_is_for_the_job_to_say(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    os.truncate(run.image, 100)
    assert not shown(run)
    blocked = make_run(tmp_path, "blocked", image=make_image(tmp_path, side=32))
    Path(blocked.folder).write_text("in the way")
    assert not shown(blocked)
