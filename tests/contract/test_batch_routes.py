"""Batches of files: a real engine and a real client, and a worker that only pretends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from batching import (
    becomes,
    begun,
    fake_result,
    finish,
    is_done,
    items,
    jobs_left,
    names_in,
    opened,
    sources,
    states,
)
from engines import EngineProcess, engine, until

from scalediff_engine.client.batches import (
    FILES_AT_ONCE,
    BatchFile,
    BatchRequest,
    BatchState,
    Existing,
    FileState,
)
from scalediff_engine.client.errors import Refused
from scalediff_engine.client.messages import JobRequest, JobState, Priority, UpscaleSettings

SLOW = "steps=20 pause=0.015"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[EngineProcess]:
    """For tests that kill nobody."""
    with engine(tmp_path_factory.mktemp("home")) as process:
        yield process


def refusal(error: pytest.ExceptionInfo[Refused]) -> tuple[int, str]:
    return error.value.status, error.value.problem.code


def test_a_batch_does_its_files_and_leaves_nothing_but_results(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 5)
    batch = begun(client, files)
    info = finish(client, batch)
    assert (info.state, info.counts) == (BatchState.DONE, {"done": 5})
    assert (info.fraction, info.current, info.seconds_left) == (1.0, None, None)
    assert all(map(is_done, files))
    found = items(client, batch)
    assert [item.index for item in found] == [0, 1, 2, 3, 4]
    assert [(item.source, item.target) for item in found] == [
        (file.source, file.target) for file in files
    ]
    assert all(item.job is not None and item.problem is None for item in found)
    assert running.client.jobs().jobs == []
    assert until(lambda: not jobs_left(running), 5)
    assert names_in(tmp_path / "big") == [f"{n}_x4.png" for n in range(5)]


def test_a_file_that_fails_stops_nothing_and_can_be_retried(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 4)
    Path(files[1].source).unlink()
    Path(files[2].source).write_bytes(b"bad")
    batch = begun(client, files)
    info = finish(client, batch)
    assert info.counts == {"done": 2, "failed": 2}
    problems = [item.problem.code if item.problem else None for item in items(client, batch)]
    assert problems == [None, "input-missing", "input-unusable", None]
    seen = info.events
    for file in files[1:3]:
        Path(file.source).write_bytes(b"mended")
    client.act(batch, "retry")
    assert finish(client, batch).counts == {"done": 4}
    assert all(map(is_done, files))
    assert [item.index for item in client.batch_items(batch, since=seen).items] == [1, 2]


@pytest.mark.parametrize(
    ("existing", "state", "replaced"),
    [
        (Existing.KEEP, FileState.FAILED, False),
        (Existing.SKIP, FileState.SKIPPED, False),
        (Existing.REPLACE, FileState.DONE, True),
    ],
)
def test_a_result_that_is_there_stays_unless_it_is_to_be_replaced(
    existing: Existing, state: FileState, replaced: bool, running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 2)
    (tmp_path / "big").mkdir()
    Path(files[0].target).write_bytes(b"somebody's work")
    batch = begun(client, files, existing=existing)
    finish(client, batch)
    assert states(client, batch) == [state, FileState.DONE]
    assert is_done(files[0]) == replaced
    problem = items(client, batch)[0].problem
    assert (problem is None) == replaced
    if problem is not None:
        assert problem.code == "output-exists"
        assert Path(files[0].target).read_bytes() == b"somebody's work"


def test_a_result_that_appears_during_the_work_stays(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 1)
    batch = begun(client, files, SLOW)
    until(lambda: client.batch(batch).progress, 10)
    (tmp_path / "big").mkdir()
    Path(files[0].target).write_bytes(b"somebody's work")
    finish(client, batch)
    assert states(client, batch) == [FileState.FAILED]
    assert Path(files[0].target).read_bytes() == b"somebody's work"


def test_a_paused_batch_stays_paused_and_goes_on_where_it_was(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 2)
    batch = begun(client, files, SLOW)
    until(lambda: (p := client.batch(batch).progress) and p.step >= 3, 10)
    assert client.act(batch, "pause").state is BatchState.PAUSED
    until(lambda: states(client, batch) == [FileState.WAITING] * 2, 10)
    info = client.batch(batch)
    assert info.current == 0
    assert info.progress is not None
    stopped_at = info.progress.step
    job = items(client, batch)[0].job
    assert job is not None
    assert running.client.job(job).state is JobState.PAUSED
    time.sleep(0.3)
    assert client.batch(batch).events == info.events
    client.act(batch, "resume")
    steps = [
        event.progress.step
        for event in running.client.watch(job, running.client.job(job).events)
        if event.progress is not None
    ]
    assert steps[0] >= stopped_at
    assert finish(client, batch).counts == {"done": 2}
    assert all(is_done(file, 20) for file in files)


def test_a_cancelled_batch_keeps_what_is_done_and_can_be_taken_up_again(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 3)
    batch = begun(client, files, "steps=20 pause=0.02")
    until(lambda: (i := client.batch(batch)).current == 1 and i.progress, 10)
    assert client.act(batch, "cancel").state is BatchState.CANCELLED
    info = finish(client, batch)
    assert info.current is None
    assert info.counts == {"done": 1, "cancelled": 2}
    assert names_in(tmp_path / "big") == ["0_x4.png"]
    client.act(batch, "retry")
    assert finish(client, batch).counts == {"done": 3}
    assert all(is_done(file, 20) for file in files)


@pytest.mark.slow
def test_a_batch_that_is_retried_while_it_is_cancelled_does_the_left_file_too(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 2)
    batch = begun(client, files, "steps=4 pause=0.2")
    until(lambda: client.batch(batch).progress, 10)
    client.act(batch, "cancel")
    client.act(batch, "retry")
    assert finish(client, batch).counts == {"done": 2}


def test_one_file_can_be_left_out_by_its_job_and_nothing_else(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 2)
    batch = begun(client, files, SLOW)
    until(lambda: client.batch(batch).progress, 10)
    job = items(client, batch)[0].job
    assert job is not None
    for act in (running.client.pause, running.client.retry, running.client.remove):
        with pytest.raises(Refused) as error:
            act(job)
        assert refusal(error) == (409, "wrong-state")
    running.client.cancel(job)
    assert finish(client, batch).counts == {"done": 1, "cancelled": 1}


def test_what_every_file_would_fail_by_pauses_the_batch(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 3)
    batch = begun(client, files, "fail=2 code=disk-full")
    info = becomes(client, batch, BatchState.PAUSED)
    assert info.current == 0
    assert info.counts == {"waiting": 3}
    problem = items(client, batch)[0].problem
    assert problem is not None
    assert problem.code == "disk-full"
    seen = info.events
    client.act(batch, "resume")  # the disk is as full as before
    until(lambda: client.batch(batch).events >= seen + 3, 10)
    assert becomes(client, batch, BatchState.PAUSED).counts == {"waiting": 3}
    client.act(batch, "cancel")
    assert finish(client, batch).counts == {"cancelled": 3}
    assert until(lambda: not jobs_left(running), 5)


def test_a_job_of_an_editor_goes_first(running: EngineProcess, tmp_path: Path) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 1)
    batch = begun(client, files, SLOW)
    until(lambda: client.batch(batch).progress, 10)
    image = running.upload().id
    job = running.client.submit(JobRequest(image, UpscaleSettings(prompt="steps=2")))
    list(running.client.watch(job.id))
    assert running.client.job(job.id).state is JobState.DONE
    assert states(client, batch) == [FileState.RUNNING]
    assert finish(client, batch).counts == {"done": 1}
    assert is_done(files[0], 20)
    assert [found.priority for found in running.client.jobs().jobs] == [Priority.EDITOR]


def test_a_batch_tells_its_time_after_the_first_file(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 3)
    began = time.monotonic()
    batch = begun(client, files, "steps=10 pause=0.05")
    told = [(info.counts.get("done", 0), info.seconds_left) for info in client.watch_batch(batch)]
    assert all(left is None for done, left in told if done == 0)
    after_one = [left for done, left in told if done == 1]
    whole = time.monotonic() - began
    assert 0.5 < min(left for left in after_one if left is not None) < 2 * whole
    of_files = [item.seconds for item in items(client, batch)]
    assert min(of_files) > 0.3
    assert sum(of_files) <= whole


def test_fractions_and_events_only_grow(running: EngineProcess, tmp_path: Path) -> None:
    client = running.client.for_batches()
    batch = begun(client, sources(tmp_path, 4))
    told = [(info.events, info.fraction) for info in client.watch_batch(batch)]
    assert told == sorted(told)
    assert told[-1][1] == 1.0


def test_a_batch_that_is_removed_under_way_is_stopped_and_its_results_stay(
    running: EngineProcess, tmp_path: Path
) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 3)
    batch = begun(client, files, "steps=10 pause=0.03")
    until(lambda: (i := client.batch(batch)).current == 1 and i.progress, 10)
    assert client.remove(batch).state is BatchState.CANCELLED
    with pytest.raises(Refused) as error:
        client.batch(batch)
    assert refusal(error) == (404, "not-found")
    assert batch not in [info.id for info in client.batches().batches]
    assert until(lambda: not jobs_left(running), 10)
    assert names_in(tmp_path / "big") == ["0_x4.png"]


def test_batches_are_done_in_the_order_in_which_they_were_opened(
    running: EngineProcess, tmp_path: Path
) -> None:
    client = running.client.for_batches()
    first = opened(client, sources(tmp_path / "a", 2), "steps=8 pause=0.02")
    second = begun(client, sources(tmp_path / "b", 2), "steps=8 pause=0.02")
    until(lambda: client.batch(second).progress, 10)
    client.act(first, "resume")
    assert finish(client, first).counts == {"done": 2}
    assert client.batch(second).counts.get("done", 0) < 2
    assert finish(client, second).counts == {"done": 2}
    listed = [info.id for info in client.batches().batches]
    assert listed.index(second) < listed.index(first)


def test_files_are_added_to_an_open_batch_alone(running: EngineProcess, tmp_path: Path) -> None:
    client, files = running.client.for_batches(), sources(tmp_path, 1)
    batch = begun(client, files)
    finish(client, batch)
    with pytest.raises(Refused) as error:
        client.add_files(batch, files)
    assert refusal(error) == (409, "wrong-state")


@pytest.mark.parametrize(
    "wrong",
    [
        [BatchFile("photo.png", "/big/photo.png")],
        [BatchFile("/photo.png", "photo.png")],
        [BatchFile("/a\0b.png", "/big/photo.png")],
        [BatchFile("/a.png", "/big.png"), BatchFile("/b.png", "/x/../big.png")],
        [BatchFile("/a.png", "/a.png")],
        [BatchFile("/a.png", "/b.png"), BatchFile("/b.png", "/c.png")],
        [BatchFile("/there.png", "/there2.png")],
        [BatchFile("/new.png", "/there.png")],
        [BatchFile("/there_x4.png", "/new.png")],
        [BatchFile(f"/{n}.png", f"/big/{n}.png") for n in range(FILES_AT_ONCE + 1)],
    ],
)
def test_files_that_would_harm_each_other_are_refused_together(
    wrong: list[BatchFile], running: EngineProcess
) -> None:
    client = running.client.for_batches()
    batch = opened(
        client,
        [BatchFile("/there.png", "/there_x4.png"), BatchFile("/two.png", "/there2.png")],
    )
    with pytest.raises(Refused) as error:
        client.add_files(batch, [BatchFile("/fine.png", "/fine_x4.png"), *wrong])
    assert refusal(error) == (422, "usage")
    assert client.batch(batch).counts == {"waiting": 2}
    client.remove(batch)


@pytest.mark.parametrize(
    "request_",
    [
        BatchRequest(quality=0),
        BatchRequest(quality=101),
        BatchRequest(UpscaleSettings(scale=0.5)),
        BatchRequest(UpscaleSettings(preset="fastest")),
        BatchRequest(UpscaleSettings(device="gpu")),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(
    request_: BatchRequest, running: EngineProcess
) -> None:
    with pytest.raises(Refused) as error:
        running.client.for_batches().open_batch(request_)
    assert refusal(error) == (422, "usage")


def test_a_batch_of_a_model_that_is_not_there_is_refused(running: EngineProcess) -> None:
    with pytest.raises(Refused) as error:
        running.client.for_batches().open_batch(BatchRequest(UpscaleSettings(model="/no/such")))
    assert error.value.problem.code in ("model-missing", "usage")


def test_an_empty_batch_is_done_at_once(running: EngineProcess) -> None:
    client = running.client.for_batches()
    assert finish(client, begun(client, [])).state is BatchState.DONE


def test_a_batch_that_runs_keeps_the_engine_awake(running: EngineProcess, tmp_path: Path) -> None:
    client = running.client.for_batches()
    batch = begun(client, sources(tmp_path, 1), SLOW)
    assert until(lambda: running.client.health().running == 1, 10)
    client.remove(batch)


def test_ten_thousand_files_are_taken(running: EngineProcess, tmp_path: Path) -> None:
    client = running.client.for_batches()
    files = [
        BatchFile(f"/pictures/holiday/IMG_{n:05}.jpg", f"{tmp_path}/IMG_{n:05}_x4.jpg")
        for n in range(10_000)
    ]
    before = running.client.health().memory_bytes
    batch = opened(client, files)
    assert client.batch(batch).counts == {"waiting": 10_000}
    assert [item.index for item in client.batch_items(batch, start=9_998).items] == [9_998, 9_999]
    assert len(client.batch_items(batch).items) == 1_000
    assert client.batch_items(batch, since=client.batch(batch).events).items == []
    assert running.client.health().memory_bytes - before < 50 * 2**20
    client.act(batch, "cancel")
    client.remove(batch)


@pytest.mark.nightly
def test_the_time_that_a_batch_takes_to_begin_grows_with_its_files(
    running: EngineProcess, tmp_path: Path
) -> None:
    client = running.client.for_batches()
    files = [BatchFile(f"/pictures/{n:05}.jpg", f"{tmp_path}/{n:05}.jpg") for n in range(10_000)]

    def seconds_of(count: int) -> float:
        began = time.monotonic()
        client.remove(client.act(opened(client, files[:count]), "cancel").id)
        return time.monotonic() - began

    few, many = (min(seconds_of(count) for _ in range(3)) for count in (1_000, 10_000))
    assert many < 20 * few


@pytest.mark.slow
def test_a_killed_worker_costs_no_file(tmp_path: Path) -> None:
    with engine(tmp_path / "home") as running:
        client, files = running.client.for_batches(), sources(tmp_path / "in", 3)
        batch = begun(client, files, SLOW)
        until(lambda: (p := client.batch(batch).progress) and p.step >= 5, 10)
        pid = running.client.health().worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert finish(client, batch).counts == {"done": 3}
        assert all(is_done(file, 20) for file in files)


def test_a_killed_engine_costs_no_file_and_its_watcher_misses_nothing(tmp_path: Path) -> None:
    with engine(tmp_path / "home") as running:
        client, files = running.client.for_batches(), sources(tmp_path / "in", 3)
        batch = begun(client, files, SLOW)
        watch = client.watch_batch(batch)
        told = [next(watch)]
        while told[-1].current != 1:
            told.append(next(watch))
        running.kill()
        running.start()
        told.extend(watch)
        numbers = [info.events for info in told]
        assert numbers == sorted(set(numbers))
        assert told[-1].counts == {"done": 3}
        assert all(is_done(file, 20) for file in files)
        assert until(lambda: not jobs_left(running), 5)


@pytest.mark.slow
def test_a_paused_batch_is_paused_after_a_restart_and_goes_on_from_there(tmp_path: Path) -> None:
    with engine(tmp_path / "home") as running:
        client, files = running.client.for_batches(), sources(tmp_path / "in", 2)
        batch = begun(client, files, SLOW)
        until(lambda: (p := client.batch(batch).progress) and p.step >= 5, 10)
        client.act(batch, "pause")
        assert running.end() == 0
        running.start()
        info = client.batch(batch)
        assert (info.state, info.current, info.counts) == (BatchState.PAUSED, 0, {"waiting": 2})
        assert info.progress is not None
        assert info.progress.step >= 5
        client.act(batch, "resume")
        assert finish(client, batch).counts == {"done": 2}
        assert all(is_done(file, 20) for file in files)


def test_a_result_of_the_fake_worker_depends_on_its_file(tmp_path: Path) -> None:
    first, second = sources(tmp_path, 2)
    assert fake_result(first) != fake_result(second)
