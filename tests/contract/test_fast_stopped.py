"""Fast jobs that are cancelled, killed or too large, with the real server and the real worker."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
from batching import begun as batch_begun
from batching import finish
from engines import EngineProcess, engine, real_worker, until
from PIL import Image

from scalediff_engine.base.files import PART_PREFIX
from scalediff_engine.client.batches import BatchFile
from scalediff_engine.client.messages import JobRequest, JobState, PlanRequest, UpscaleSettings
from scalediff_engine.client.transport import Refused
from scalediff_engine.jobs import spool

FAST = UpscaleSettings(scale=8, method="fast")
SIDE = 256  # to 2048: four tiles and a pass before them
# Within one tile, or one pass over the colours: 0.4 to 1.7 s at 4096x4096 on two idle cores.


def begun(running: EngineProcess, least: float, settings: UpscaleSettings = FAST) -> str:
    """A job that is at least so far."""
    image = running.upload(SIDE).id
    job = running.client.submit(JobRequest(image, settings, title="a layer")).id

    def is_under_way() -> bool:
        found = running.client.job(job)
        assert not found.state.is_final, found.problem
        return found.progress is not None and found.progress.fraction >= least

    until(is_under_way, 120)
    return job


def lying(running: EngineProcess, job: str) -> set[str]:
    """What there is of a job on the disk; nothing half-written is among it."""
    folder = running.home / "data" / "spool" / "jobs" / job
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    assert not [name for name in found if name.startswith(PART_PREFIX)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("least", [0.05, 0.75], ids=["in a network", "over the colours"])
def test_a_large_job_is_left_before_its_end_and_the_worker_goes_on(
    tmp_path: Path, least: float
) -> None:
    with engine(tmp_path, real_worker(tmp_path, 5)) as running:
        job = begun(running, least)
        worker = running.client.health().worker_pid
        running.client.cancel(job)
        until(lambda: running.client.job(job).state is JobState.CANCELLED, 30)
        assert spool.RESULT not in lying(running, job)
        with pytest.raises(Refused):
            running.client.result(job)
        # the same process does the next one, also of what was cancelled
        running.client.retry(job)
        assert [event.state for event in running.client.watch(job)][-1] is JobState.DONE
        assert running.client.health().worker_pid == worker


@pytest.mark.slow
def test_a_killed_worker_costs_the_work_and_no_job(tmp_path: Path) -> None:
    with engine(tmp_path, real_worker(tmp_path, 5)) as running:
        whole = begun(running, 0.0)
        list(running.client.watch(whole))
        expected = bytes(running.client.result(whole).samples)

        job = begun(running, 0.3)
        kill_worker(running)
        states = [event.state for event in running.client.watch(job)]
        found = running.client.job(job)
        assert (found.state, found.attempts) == (JobState.DONE, 2), found.problem
        assert JobState.QUEUED in states[1:], "it waited for the next worker"
        assert bytes(running.client.result(job).samples) == expected
        assert lying(running, job) == {spool.RESULT}


@pytest.mark.slow
def test_a_worker_that_is_killed_again_and_again_fails_the_job_with_a_sentence(
    tmp_path: Path,
) -> None:
    with engine(tmp_path, real_worker(tmp_path, 5)) as running:
        job = begun(running, 0.05)
        killed: set[int] = set()

        def is_over() -> bool:
            found = running.client.job(job)
            pid = running.client.health().worker_pid
            is_working = found.progress is not None and found.attempts > len(killed)
            if found.state is JobState.RUNNING and is_working and pid is not None:
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)
            return found.state.is_final

        until(is_over, 120)
        found = running.client.job(job)
        assert found.state is JobState.FAILED
        assert found.problem is not None
        assert found.problem.code == "worker-crashed"
        assert len(killed) == found.attempts > 1
        assert spool.RESULT not in lying(running, job)
        running.client.retry(job)  # nobody kills it now
        assert [event.state for event in running.client.watch(job)][-1] is JobState.DONE


@pytest.mark.slow
def test_a_batchs_file_appears_whole_although_its_worker_is_killed(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "a_x8.png"
    with engine(tmp_path / "home", real_worker(tmp_path / "home", 5)) as running:
        made = running.client.image(running.upload(SIDE).id)
        Image.frombytes("RGB", (SIDE, SIDE), bytes(made.samples)).save(source)
        batches = running.client.for_batches()
        batch = batch_begun(batches, [BatchFile(str(source), str(target))], settings=FAST)

        def is_under_way() -> bool:
            progress = batches.batch(batch).progress
            return progress is not None and progress.fraction > 0.1

        until(is_under_way, 120)
        kill_worker(running)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "home"]
        assert finish(batches, batch).counts == {"done": 1}
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_x8.png", "home"]
        with Image.open(target) as opened:
            opened.load()
            assert opened.size == (8 * SIDE, 8 * SIDE)


def test_what_does_not_fit_gets_its_sentence_and_no_job(tmp_path: Path) -> None:
    with engine(tmp_path) as running:  # refused before any worker is asked
        client = running.client
        limited = UpscaleSettings(scale=8, method="fast", max_memory_gib=1.0)
        plan = client.plan(PlanRequest(1024, 1024, limited))
        assert plan.problem is not None
        assert plan.problem.code == "not-enough-memory"
        assert plan.fits_scale is not None
        assert plan.peak_bytes > 2**30 == plan.available_bytes
        smaller = UpscaleSettings(scale=plan.fits_scale, method="fast", max_memory_gib=1.0)
        assert client.plan(PlanRequest(1024, 1024, smaller)).problem is None

        image = running.upload(1024)
        with pytest.raises(Refused) as refused:
            client.submit(JobRequest(image.id, limited))
        assert (refused.value.status, refused.value.problem.code) == (409, "not-enough-memory")
        assert "would fit" in refused.value.problem.message
        with pytest.raises(Refused, match="the limit is"):
            client.submit(JobRequest(image.id, UpscaleSettings(scale=32, method="fast")))
        assert client.jobs().jobs == []


def kill_worker(running: EngineProcess) -> None:
    pid = running.client.health().worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: running.client.health().worker_pid != pid or not psutil.pid_exists(pid), 20)
