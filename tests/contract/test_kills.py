"""The worker and the server are killed at random moments: every job ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from engines import EngineProcess, engine, real_worker, until

from scalediff_engine.client.messages import JobRequest, JobState, UpscaleSettings
from scalediff_engine.client.places import Places

SETTINGS = UpscaleSettings(scale=3, steps=6, seed=5)
SIDE = 96
CHECKPOINT_SECONDS = 0.15


def submit(running: EngineProcess) -> str:
    return running.client.submit(JobRequest(running.upload(SIDE).id, SETTINGS, title="a layer")).id


def finish(running: EngineProcess, job: str) -> tuple[JobState, bytes, list[int]]:
    numbers = [event.number for event in running.client.watch(job)]
    return running.client.job(job).state, bytes(running.client.result(job).samples), numbers


def undisturbed(running: EngineProcess) -> tuple[bytes, float]:
    """The result, and how long a job takes once the model is loaded."""
    job = submit(running)
    _, result, _ = finish(running, job)
    began = time.monotonic()
    _, again, _ = finish(running, submit(running))
    assert again == result
    return result, time.monotonic() - began


def disturb(
    running: EngineProcess, kill: Callable[[], None], times: int, chance: random.Random
) -> None:
    """Kill somebody once in each of so many jobs, and compare what they come to."""
    expected, seconds = undisturbed(running)
    taken_up = 0
    for _ in range(times):
        job = submit(running)
        until(lambda job=job: running.client.job(job).progress, 60)  # the model is loaded
        time.sleep(chance.uniform(0, seconds))
        kill()
        state, result, numbers = finish(running, job)
        assert state is JobState.DONE
        assert result == expected
        assert numbers == list(range(1, len(numbers) + 1))
        taken_up += running.client.job(job).attempts > 1
    assert taken_up > (times - 1) // 3  # not every moment was before or after the work


def kill_worker(running: EngineProcess) -> None:
    pid = running.client.health().worker_pid
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def kill_server(running: EngineProcess) -> None:
    worker = running.client.health().worker_pid
    running.kill()
    if worker is not None:  # nobody is left that it could work for
        until(lambda: not psutil.pid_exists(worker) or is_zombie(worker), 10)
    running.start()


def is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_killed_worker_costs_no_job_and_no_bit(
    tmp_path: Path, repeats: Callable[[int], int]
) -> None:
    with engine(tmp_path, real_worker(tmp_path, CHECKPOINT_SECONDS)) as running:
        disturb(running, lambda: kill_worker(running), repeats(25), random.Random(7))  # noqa: S311


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_killed_server_costs_no_job_and_no_bit(
    tmp_path: Path, repeats: Callable[[int], int]
) -> None:
    with engine(tmp_path, real_worker(tmp_path, CHECKPOINT_SECONDS)) as running:
        disturb(running, lambda: kill_server(running), repeats(10), random.Random(8))  # noqa: S311


@pytest.mark.slow
def test_an_engine_that_is_told_to_end_keeps_the_step(tmp_path: Path) -> None:
    with engine(tmp_path, real_worker(tmp_path, 1000)) as running:
        expected, _ = undisturbed(running)
        job = submit(running)
        until(lambda: (running.client.job(job).progress or None) and at_step(running, job), 60)
        assert running.end() == 0
        kept = running.home / "data" / "spool" / "jobs" / job / "checkpoint"
        assert kept.exists()
        assert not Places(running.home).engine_file.exists()
        running.start()
        state, result, _ = finish(running, job)
        assert state is JobState.DONE
        assert result == expected


def at_step(running: EngineProcess, job: str) -> bool:
    progress = running.client.job(job).progress
    return progress is not None and progress.step >= 2
