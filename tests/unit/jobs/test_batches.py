"""Batches over a scripted scheduler: what an engine finds when it starts, and full disks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_server import FakeScheduler

from scalediff_engine.base.errors import DiskFull
from scalediff_engine.client.batches import BatchFile, BatchRequest, BatchState, FileState
from scalediff_engine.client.messages import JobState, UpscaleSettings
from scalediff_engine.jobs.batch_store import BatchStore
from scalediff_engine.jobs.batches import Batches
from scalediff_engine.jobs.record import Action
from scalediff_engine.jobs.worker_process import FileWork

DAY_S = 24 * 3600.0


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs on an event loop of its own."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


class FullStore(BatchStore):
    """A store whose disk is full when a test says so."""

    is_full = False

    def put(self, *args: object, **options: object) -> None:
        if self.is_full:
            raise DiskFull("The disk is full.")
        super().put(*args, **options)  # type: ignore[arg-type]


@asynccontextmanager
async def batches(
    path: Path, scheduler: FakeScheduler, clock: Callable[[], float] = lambda: 1.0
) -> AsyncIterator[Batches]:
    store = FullStore(path / "batches.sqlite")
    found = Batches(store, scheduler, clock, again_seconds=0.02)  # type: ignore[arg-type]
    found.start()
    try:
        yield found
    finally:
        await found.close()


def begin(found: Batches, path: Path, count: int = 2) -> str:
    batch = found.open(BatchRequest()).id
    found.add(batch, [BatchFile(f"{path}/{n}.png", f"{path}/out/{n}.png") for n in range(count)])
    found.resume(batch)
    return batch


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - a fake scheduler tells nobody
            await asyncio.sleep(0.005)


def states(found: Batches, batch: str) -> list[FileState]:
    return [item.state for item in found.items(batch, 0, 0, 100)]


def only_job(scheduler: FakeScheduler) -> str:
    (job,) = scheduler.file_jobs()
    return job.id


def complete(scheduler: FakeScheduler) -> None:
    job = only_job(scheduler)
    scheduler.act(job, Action.START)
    scheduler.act(job, Action.FINISH, recipe="{}")


@on_a_loop
async def test_one_file_is_handed_over_at_a_time(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    async with batches(tmp_path, scheduler) as found:
        batch = begin(found, tmp_path)
        await until(scheduler.file_jobs)
        await asyncio.sleep(0.05)
        assert states(found, batch) == [FileState.RUNNING, FileState.WAITING]
        complete(scheduler)
        await until(lambda: states(found, batch) == [FileState.DONE, FileState.RUNNING])
        complete(scheduler)
        await until(lambda: found.batch(batch).state is BatchState.DONE)
        assert scheduler.file_jobs() == []


@on_a_loop
async def test_a_file_that_was_done_as_the_engine_ended_is_not_done_again(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    async with batches(tmp_path, scheduler) as found:
        batch = begin(found, tmp_path, 1)
        await until(scheduler.file_jobs)
    complete(scheduler)
    async with batches(tmp_path, scheduler) as found:
        await until(lambda: found.batch(batch).state is BatchState.DONE)
        assert states(found, batch) == [FileState.DONE]
        assert scheduler.found == {}


@on_a_loop
async def test_a_file_whose_job_is_lost_gets_another(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    async with batches(tmp_path, scheduler) as found:
        batch = begin(found, tmp_path, 1)
        await until(scheduler.file_jobs)
    lost = only_job(scheduler)
    del scheduler.found[lost]
    async with batches(tmp_path, scheduler) as found:
        await until(scheduler.file_jobs)
        assert only_job(scheduler) != lost
        assert states(found, batch) == [FileState.RUNNING]


@on_a_loop
async def test_a_job_that_no_file_needs_is_forgotten(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    orphan = scheduler.submit_file(FileWork("/a.png", "/b.png"), UpscaleSettings())
    async with batches(tmp_path, scheduler):
        assert orphan.id not in scheduler.found
    leaving = scheduler.submit_file(FileWork("/a.png", "/b.png"), UpscaleSettings())
    scheduler.act(leaving.id, Action.START)
    async with batches(tmp_path, scheduler):
        assert scheduler.job(leaving.id).state is JobState.CANCELLING
        scheduler.act(leaving.id, Action.STOP)
        await until(lambda: leaving.id not in scheduler.found)


@on_a_loop
async def test_what_cannot_be_written_down_is_tried_again(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    async with batches(tmp_path, scheduler) as found:
        store = found._store
        assert isinstance(store, FullStore)
        batch = begin(found, tmp_path, 1)
        await until(scheduler.file_jobs)
        store.is_full = True
        complete(scheduler)
        await asyncio.sleep(0.1)
        assert states(found, batch) == [FileState.RUNNING]
        assert len(scheduler.file_jobs()) == 1
        store.is_full = False
        await until(lambda: found.batch(batch).state is BatchState.DONE)


@on_a_loop
async def test_a_job_that_cannot_be_noted_is_not_left_behind(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    async with batches(tmp_path, scheduler) as found:
        store = found._store
        assert isinstance(store, FullStore)
        batch = begin(found, tmp_path, 1)
        store.is_full = True  # the batch runner has had no turn yet
        await asyncio.sleep(0.1)
        assert scheduler.file_jobs() == []
        assert states(found, batch) == [FileState.WAITING]
        store.is_full = False
        await until(scheduler.file_jobs)


@pytest.mark.parametrize("action", ["pause", "cancel"])
@on_a_loop
async def test_a_job_that_waits_for_its_turn_is_stopped_at_once(
    action: str, tmp_path: Path
) -> None:
    scheduler = FakeScheduler()
    async with batches(tmp_path, scheduler) as found:
        batch = begin(found, tmp_path)
        await until(scheduler.file_jobs)
        job = only_job(scheduler)
        getattr(found, action)(batch)
        if action == "pause":
            assert scheduler.job(job).state is JobState.PAUSED
            await until(lambda: states(found, batch) == [FileState.WAITING] * 2)
        else:
            await until(lambda: states(found, batch) == [FileState.CANCELLED] * 2)
            assert scheduler.found == {}


@on_a_loop
async def test_batches_that_nobody_comes_back_to_are_forgotten(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    async with batches(tmp_path, scheduler, clock=lambda: 0.0) as found:
        never_begun = found.open(BatchRequest()).id
        done = begin(found, tmp_path, 0)
        runs = begin(found, tmp_path, 1)
        await until(lambda: found.batch(done).state is BatchState.DONE)

        def known() -> set[str]:
            return {info.id for info in found.batches()}

        found.sweep(DAY_S - 1)
        assert known() == {never_begun, done, runs}
        found.sweep(DAY_S + 1)
        assert known() == {done, runs}
        found.sweep(7 * DAY_S + 1)
        assert known() == {runs}
