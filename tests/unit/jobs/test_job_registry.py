import asyncio
from pathlib import Path

import pytest
from unit.jobs.schedulers import IMAGE

from scalediff_engine.base.errors import DiskFull, NotFound, OutputError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import JobEvent, JobProgress, JobRequest, JobState, Priority
from scalediff_engine.jobs.database import JobStore
from scalediff_engine.jobs.job_registry import JobRegistry
from scalediff_engine.jobs.record import Action, Record


class Leaky(JobStore):
    """A store whose disk is sometimes full, or fails."""

    full = False
    error: type[OutputError] = DiskFull

    def put(self, record: Record, event: JobEvent | None = None, *, durable: bool = True) -> None:
        if self.full:
            raise self.error("There is no room.")
        super().put(record, event, durable=durable)


def progress(step: int) -> JobProgress:
    return JobProgress("sharpening", 1, 1, step, 9, step / 9)


@pytest.mark.parametrize("error", [DiskFull, OutputError])
def test_while_nothing_can_be_written_work_goes_on_and_nothing_is_lost(
    tmp_path: Path, error: type[OutputError]
) -> None:
    async def work() -> list[int]:
        store = Leaky(tmp_path / "jobs.sqlite3")
        registry = JobRegistry(store)
        job = registry.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id
        heard: list[int] = []

        async def watch() -> None:
            async for event in registry.events(job, 0):
                heard.append(event.number)  # noqa: PERF401 - it is looked at meanwhile

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        store.full, store.error = True, error
        registry.act(job, Action.START)
        for step in range(1, 4):
            registry.advance(job, progress(step))
            await asyncio.sleep(0)
        with pytest.raises(error):
            registry.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16))
        await asyncio.sleep(0.01)
        assert heard == [1, 2, 3, 4, 5]  # also what is not written
        store.full = False
        registry.act(job, Action.FINISH)
        await watching
        assert len(store.events(job, 0, 99)) == 6
        registry.close()
        return heard

    assert asyncio.run(work()) == [1, 2, 3, 4, 5, 6]
    again = JobStore(tmp_path / "jobs.sqlite3")
    assert [found.info.state for found in again.records()] == [JobState.DONE]
    again.close()


def test_many_watchers_each_hear_everything_once(tmp_path: Path) -> None:
    async def work() -> None:
        registry = JobRegistry(JobStore(tmp_path / "jobs.sqlite3"))
        job = registry.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id

        async def watch(after: int) -> list[int]:
            return [event.number async for event in registry.events(job, after)]

        watching = [asyncio.create_task(watch(0)) for _ in range(20)]
        registry.act(job, Action.START)
        for step in range(500):
            registry.advance(job, progress(step))
            if step % 50 == 0:
                watching.append(asyncio.create_task(watch(step)))
                await asyncio.sleep(0)
        registry.act(job, Action.FINISH)
        for heard in await asyncio.gather(*watching):
            assert heard == list(range(504 - len(heard), 504))
        registry.close()

    asyncio.run(work())


def test_closing_ends_all_watching(tmp_path: Path) -> None:
    async def work() -> None:
        registry = JobRegistry(JobStore(tmp_path / "jobs.sqlite3"))
        job = registry.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id

        async def watch() -> list[int]:
            return [event.number async for event in registry.events(job, 0)]

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        registry.close()
        assert await asyncio.wait_for(watching, 1) == [1]

    asyncio.run(work())


def test_removing_a_job_ends_its_watching(tmp_path: Path) -> None:
    async def work() -> None:
        registry = JobRegistry(JobStore(tmp_path / "jobs.sqlite3"))
        job = registry.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id
        registry.act(job, Action.CANCEL)
        registry.remove(job)
        with pytest.raises(NotFound):
            registry.record(job)
        assert registry.first_waiting() is None
        registry.close()

    asyncio.run(work())


def test_whose_turn_it_is(tmp_path: Path) -> None:
    async def work() -> None:
        registry = JobRegistry(JobStore(tmp_path / "jobs.sqlite3"))
        folder, editor, later = (
            registry.add(JobRequest(IMAGE.id, priority=priority), IMAGE, Size(16, 16)).id
            for priority in (Priority.FOLDER, Priority.EDITOR, Priority.EDITOR)
        )
        turns: list[str] = []
        while (found := registry.first_waiting()) is not None:
            turns.append(found.info.id)
            registry.act(found.info.id, Action.CANCEL)
        assert turns == [editor, later, folder]
        assert [found.info.id for found in registry.records()] == [later, editor, folder]
        registry.close()

    asyncio.run(work())


def test_watchers_miss_no_number_when_events_cannot_be_read(tmp_path: Path) -> None:
    async def work() -> None:
        store = JobStore(tmp_path / "jobs.sqlite3")
        registry = JobRegistry(store)
        job = registry.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id
        registry.act(job, Action.START)
        for step in range(1, 4):
            registry.advance(job, progress(step))
        registry.act(job, Action.FINISH)
        with store._database:
            store._database.execute("UPDATE events SET body = '{' WHERE number = 3")
            store._database.execute("DELETE FROM events WHERE number IN (1, 6)")
        heard = [event async for event in registry.events(job, 0)]
        assert [event.number for event in heard] == [1, 2, 3, 4, 5, 6]
        assert heard[3].progress == progress(2)
        assert heard[5].state is JobState.DONE
        registry.close()

    asyncio.run(work())
