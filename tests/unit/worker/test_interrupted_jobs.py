"""Jobs that are killed, paused, cancelled, or whose files are damaged, in the real process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image
from worker_process import QUICK, WorkerProcess, make_image, make_run, result_of, worker

from scalediff_engine.jobs import spool
from scalediff_engine.jobs.worker_process import Advanced, Done, Failed, Run, Stop, Stopped
from scalediff_engine.planning.progress import Phase

pytestmark = pytest.mark.slow

# Two stages, about 3 s on one core.
LONGER = replace(QUICK, scale=4.0)
# Most steps in one stage: a second in which it can be stopped.
MANY_STEPS = replace(QUICK, steps=15)
SELDOM = ("--checkpoint-seconds", "1000")


@dataclass(frozen=True)
class Undisturbed:
    """A job that nobody interrupts: what comes of it, and what its steps take here."""

    result: bytes
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    run = make_run(folder, settings=LONGER)
    with worker(folder) as process:
        assert isinstance(process.do(run), Done)
        moments = [moment for moment, news in process.heard if isinstance(news, Advanced)]
    return Undisturbed(result_of(run), moments[-1] - moments[0])


def steps(process: WorkerProcess) -> list[tuple[float, Advanced]]:
    return [
        (moment, news)
        for moment, news in process.heard
        if isinstance(news, Advanced) and news.progress.phase == Phase.DENOISE.value
    ]


def at_step(number: int, stage: int = 1) -> Callable[[Advanced], bool]:
    return lambda news: (news.progress.stage, news.progress.step) == (stage, number)


@pytest.mark.parametrize("moment", [at_step(1, stage=1), at_step(2, stage=2)])
def test_a_killed_job_is_resumed_and_ends_with_the_same_bytes(
    tmp_path: Path, undisturbed: Undisturbed, moment: Callable[[Advanced], bool]
) -> None:
    run = make_run(tmp_path, settings=LONGER)
    with worker(tmp_path) as process:
        process.order(run)
        process.wait_for(Advanced, moment)
        process.kill()
    assert (Path(run.folder) / spool.CHECKPOINT).exists()
    before = max(news.progress.preview for _, news in steps(process))
    with worker(tmp_path) as process:
        assert isinstance(process.do(run), Done)
    first = steps(process)[0][1].progress
    assert first.fraction > 0
    assert first.preview >= before
    assert result_of(run) == undisturbed.result
    assert not [path for path in Path(run.folder).iterdir() if path.suffix == ".part"]


def test_a_paused_job_is_saved_at_the_end_of_its_step_and_goes_on_there(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    run = make_run(tmp_path, settings=LONGER)
    with worker(tmp_path, *SELDOM) as process:
        process.order(run)
        process.wait_for(Advanced, at_step(2, stage=2))
        process.order(Stop("job", keep=True))
        assert process.outcome() == Stopped("job")
        paused_at = steps(process)[-1][1].progress
        assert paused_at.step <= 4
        assert (Path(run.folder) / spool.CHECKPOINT).exists()
        assert not (Path(run.folder) / spool.RESULT).exists()
    with worker(tmp_path, *SELDOM) as process:
        assert isinstance(process.do(run), Done)
        there, following = (news.progress for _, news in steps(process)[:2])
        assert (there.stage, there.step) == (2, paused_at.step)
        assert there.fraction == paused_at.fraction
        assert following.step == paused_at.step + 1
        assert following.preview > paused_at.preview
    assert result_of(run) == undisturbed.result
    assert not (Path(run.folder) / spool.CHECKPOINT).exists()


def test_a_cancelled_job_is_left_within_a_step(
    shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    run = make_run(tmp_path, "cancelled", LONGER)
    shared_worker.order(run)
    shared_worker.wait_for(Advanced, at_step(2, stage=2))
    before = len(steps(shared_worker))
    shared_worker.order(Stop("cancelled", keep=False))
    assert shared_worker.outcome() == Stopped("cancelled")
    assert len(steps(shared_worker)) - before <= 2  # the one under way, and one already told
    assert isinstance(shared_worker.do(make_run(tmp_path, "next")), Done)


def test_a_job_can_be_stopped_before_it_runs_and_not_when_it_is_over(
    shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    first, second = make_run(tmp_path, "first"), make_run(tmp_path, "second")
    shared_worker.order(first)
    shared_worker.order(second)
    shared_worker.order(Stop("second", keep=True))
    assert isinstance(shared_worker.outcome(), Done)
    assert shared_worker.outcome() == Stopped("second")
    shared_worker.order(Stop("first", keep=False))
    assert isinstance(shared_worker.do(second), Done)


def test_a_result_that_is_there_all_but_wins_over_a_stop(
    shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    shared_worker.order(make_run(tmp_path, "late"))
    shared_worker.wait_for(Advanced, lambda news: news.progress.phase == Phase.FINISH.value)
    shared_worker.order(Stop("late", keep=False))
    outcome = shared_worker.outcome()
    assert isinstance(outcome, Done | Stopped)
    assert isinstance(outcome, Done) == (tmp_path / "late" / spool.RESULT).exists()


def paused(process: WorkerProcess, run: Run) -> None:
    process.order(run)
    process.wait_for(Advanced, at_step(2))
    process.order(Stop(run.job, keep=True))
    assert process.outcome() == Stopped(run.job)


def damage_checkpoint(folder: Path) -> None:
    path = folder / spool.CHECKPOINT
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1  # in the midst of a latent, where nobody would see it
    path.write_bytes(data)


def empty_checkpoint(folder: Path) -> None:
    (folder / spool.CHECKPOINT).write_bytes(b"")


def folder_as_checkpoint(folder: Path) -> None:
    (folder / spool.CHECKPOINT).unlink()
    (folder / spool.CHECKPOINT).mkdir()


def other_plan(folder: Path) -> None:
    path = folder / spool.PLAN
    path.write_text(path.read_text().replace('"batch_pixels": 0', '"batch_pixels": 1'))


@pytest.mark.parametrize(
    ("harm", "logged"),
    [
        (damage_checkpoint, "checkpoint is damaged"),
        (empty_checkpoint, "checkpoint is damaged"),
        (folder_as_checkpoint, "checkpoint cannot be read"),
        (other_plan, "belongs to another job"),
    ],
)
def test_a_job_whose_files_are_damaged_begins_again(
    harm: Callable[[Path], None], logged: str, shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    whole = make_run(tmp_path, "whole", MANY_STEPS)
    assert isinstance(shared_worker.do(whole), Done)
    run = make_run(tmp_path, "harmed", MANY_STEPS)
    paused(shared_worker, run)
    harm(Path(run.folder))
    heard, written = len(shared_worker.heard), len(shared_worker.log)
    assert isinstance(shared_worker.do(run), Done)
    again = [n for _, n in shared_worker.heard[heard:] if isinstance(n, Advanced)]
    assert again[0].progress.fraction == 0
    assert logged in shared_worker.log[written:]
    assert result_of(run) == result_of(whole)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"job": 1}', b'{"memory": [7]}'])
def test_a_damaged_plan_is_made_again(
    content: bytes, shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    run = make_run(tmp_path, "harmed", MANY_STEPS)
    paused(shared_worker, run)
    (Path(run.folder) / spool.PLAN).write_bytes(content)
    assert isinstance(shared_worker.do(run), Done)
    assert b"batch_pixels" in (Path(run.folder) / spool.PLAN).read_bytes()


def test_another_jobs_files_are_not_gone_on_from(
    shared_worker: WorkerProcess, tmp_path: Path
) -> None:
    run = make_run(tmp_path, "mine", replace(MANY_STEPS, seed=1))
    assert isinstance(shared_worker.do(run), Done)
    expected = result_of(run)
    paused(shared_worker, make_run(tmp_path, "theirs", MANY_STEPS))
    shutil.rmtree(run.folder)
    shutil.copytree(tmp_path / "theirs", run.folder)
    assert isinstance(shared_worker.do(run), Done)
    assert result_of(run) == expected
    assert "another job's" in shared_worker.log


# --- full disks


def _can_mount() -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_mount = pytest.mark.skipif(not _can_mount(), reason="a small disk cannot be made here")


def on_small_disk(folder: Path, kib: int) -> list[str]:
    """How to start a worker that sees a small disk at ``folder``/disk."""
    (folder / "disk").mkdir()
    script = f'mount -t tmpfs -o size={kib}k none "{folder}/disk" && exec "$0" "$@"'
    start = ["unshare", "-rm", "sh", "-c", script, sys.executable]
    return [*start, "-m", "scalediff_engine.worker"]


@needs_mount
def test_a_disk_too_full_for_checkpoints_holds_up_no_job(tmp_path: Path) -> None:
    image = make_image(tmp_path, model="grey", alpha="none")
    run = make_run(tmp_path / "disk", image=image)  # 36 KiB, and checkpoints of 300
    with worker(tmp_path, program=on_small_disk(tmp_path, 64)) as process:
        assert isinstance(process.do(run), Done)
        seen = Path(f"/proc/{process.process.pid}/root{run.folder}")
        assert (seen / spool.RESULT).stat().st_size > 36_000
        assert sorted(path.name for path in seen.iterdir()) == [
            spool.PLAN,
            spool.PREVIEW,
            spool.RESULT,
        ]
    assert process.log.count("cannot be kept on disk") == 1


@needs_mount
def test_a_disk_too_full_for_the_result_fails_the_job_and_leaves_nothing_half_written(
    tmp_path: Path,
) -> None:
    image = make_image(tmp_path, depth="u16")
    run = make_run(tmp_path / "disk", image=image)  # 288 KiB, and a checkpoint of 300
    with worker(tmp_path, program=on_small_disk(tmp_path, 440)) as process:
        outcome = process.do(run)
        assert isinstance(outcome, Failed)
        assert outcome.problem.code == "disk-full"
        assert "288.0 KiB" in outcome.problem.message
        assert str(tmp_path) not in outcome.problem.message
        seen = Path(f"/proc/{process.process.pid}/root{run.folder}")
        names = sorted(path.name for path in seen.iterdir())
        assert names == [spool.CHECKPOINT, spool.PLAN, spool.PREVIEW]  # from which it can go on
        with Image.open(seen / spool.PREVIEW) as preview:
            preview.load()
