import asyncio
from pathlib import Path

import pytest
from unit.jobs.desks import IMAGE

from scalediff_engine.base.errors import DiskFull, NotFound, OutputError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import JobEvent, JobProgress, JobRequest, JobState, Priority
from scalediff_engine.jobs.book import Book
from scalediff_engine.jobs.database import JobStore
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
        book = Book(store)
        job = book.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id
        heard: list[int] = []

        async def watch() -> None:
            async for event in book.events(job, 0):
                heard.append(event.number)  # noqa: PERF401 - it is looked at meanwhile

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        store.full, store.error = True, error
        book.act(job, Action.START)
        for step in range(1, 4):
            book.advance(job, progress(step))
            await asyncio.sleep(0)
        with pytest.raises(error):
            book.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16))
        await asyncio.sleep(0.01)
        assert heard == [1, 2, 3, 4, 5]  # also what is not written
        store.full = False
        book.act(job, Action.FINISH)
        await watching
        assert len(store.events(job, 0, 99)) == 6
        book.close()
        return heard

    assert asyncio.run(work()) == [1, 2, 3, 4, 5, 6]
    again = JobStore(tmp_path / "jobs.sqlite3")
    assert [found.info.state for found in again.records()] == [JobState.DONE]
    again.close()


def test_many_watchers_each_hear_everything_once(tmp_path: Path) -> None:
    async def work() -> None:
        book = Book(JobStore(tmp_path / "jobs.sqlite3"))
        job = book.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id

        async def watch(after: int) -> list[int]:
            return [event.number async for event in book.events(job, after)]

        watching = [asyncio.create_task(watch(0)) for _ in range(20)]
        book.act(job, Action.START)
        for step in range(500):
            book.advance(job, progress(step))
            if step % 50 == 0:
                watching.append(asyncio.create_task(watch(step)))
                await asyncio.sleep(0)
        book.act(job, Action.FINISH)
        for heard in await asyncio.gather(*watching):
            assert heard == list(range(504 - len(heard), 504))
        book.close()

    asyncio.run(work())


def test_closing_ends_all_watching(tmp_path: Path) -> None:
    async def work() -> None:
        book = Book(JobStore(tmp_path / "jobs.sqlite3"))
        job = book.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id

        async def watch() -> list[int]:
            return [event.number async for event in book.events(job, 0)]

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        book.close()
        assert await asyncio.wait_for(watching, 1) == [1]

    asyncio.run(work())


def test_removing_a_job_ends_its_watching(tmp_path: Path) -> None:
    async def work() -> None:
        book = Book(JobStore(tmp_path / "jobs.sqlite3"))
        job = book.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id
        book.act(job, Action.CANCEL)
        book.remove(job)
        with pytest.raises(NotFound):
            book.record(job)
        assert book.first_waiting() is None
        book.close()

    asyncio.run(work())


def test_whose_turn_it_is(tmp_path: Path) -> None:
    async def work() -> None:
        book = Book(JobStore(tmp_path / "jobs.sqlite3"))
        folder, editor, later = (
            book.add(JobRequest(IMAGE.id, priority=priority), IMAGE, Size(16, 16)).id
            for priority in (Priority.FOLDER, Priority.EDITOR, Priority.EDITOR)
        )
        turns: list[str] = []
        while (found := book.first_waiting()) is not None:
            turns.append(found.info.id)
            book.act(found.info.id, Action.CANCEL)
        assert turns == [editor, later, folder]
        assert [found.info.id for found in book.records()] == [later, editor, folder]
        book.close()

    asyncio.run(work())


def test_watchers_miss_no_number_when_events_cannot_be_read(tmp_path: Path) -> None:
    async def work() -> None:
        store = JobStore(tmp_path / "jobs.sqlite3")
        book = Book(store)
        job = book.add(JobRequest(IMAGE.id), IMAGE, Size(16, 16)).id
        book.act(job, Action.START)
        for step in range(1, 4):
            book.advance(job, progress(step))
        book.act(job, Action.FINISH)
        with store._database:
            store._database.execute("UPDATE events SET body = '{' WHERE number = 3")
            store._database.execute("DELETE FROM events WHERE number IN (1, 6)")
        heard = [event async for event in book.events(job, 0)]
        assert [event.number for event in heard] == [1, 2, 3, 4, 5, 6]
        assert heard[3].progress == progress(2)
        assert heard[5].state is JobState.DONE
        book.close()

    asyncio.run(work())
