import asyncio
import errno
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from unit.jobs.schedulers import IMAGE, QUICK, Office, expected, office

from scalediff_engine.base.errors import NotFound, WrongState
from scalediff_engine.client import codec
from scalediff_engine.client.messages import (
    EventKind,
    JobEvent,
    JobState,
    Priority,
    Problem,
    WorkerState,
)
from scalediff_engine.jobs.record import Action


def run(
    work: Callable[[Office], Awaitable[None]], path: Path, *arguments: str, **more: Any
) -> None:
    async def inside() -> None:
        async with office(path, *arguments, **more) as place:
            await asyncio.wait_for(work(place), 60)

    asyncio.run(inside())


def steps_in(events: list[JobEvent]) -> list[int]:
    return [e.progress.step for e in events if e.kind is EventKind.PROGRESS and e.progress]


def test_a_job_is_done_and_tells_every_step(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=5")
        events = await place.heard(job)
        info = place.scheduler.job(job)
        assert info.state is JobState.DONE
        assert info.recipe == '{"steps": 5}'
        assert info.notes == ["It was a fake."]
        assert info.attempts == 1
        assert place.result(job) == expected(5)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert steps_in(events) == [1, 2, 3, 4, 5]
        states = [event.state for event in events if event.kind is EventKind.STATE]
        assert states == [JobState.QUEUED, JobState.RUNNING, JobState.DONE]

    run(work, tmp_path)


def test_editors_go_before_folders_and_each_kind_in_its_order(tmp_path: Path) -> None:
    order: list[str] = []

    async def work(place: Office) -> None:
        first = place.submit("steps=3 pause=0.1")
        folder = [place.submit(priority=Priority.FOLDER) for _ in range(2)]
        editor = [place.submit() for _ in range(2)]
        names = dict(zip([first, *folder, *editor], ("0", "f1", "f2", "e1", "e2"), strict=True))

        async def note(job: str) -> None:
            await place.ends(job)
            order.append(names[job])

        await asyncio.gather(*(note(job) for job in names))

    run(work, tmp_path)
    assert order == ["0", "e1", "e2", "f1", "f2"]


def test_a_folder_makes_way_for_an_editor_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        folder = place.submit("steps=20 pause=0.05", Priority.FOLDER)
        await place.reaches(folder, 3)
        editor = place.submit()
        assert (await place.ends(editor)).state is JobState.DONE
        assert not place.scheduler.job(folder).state.is_final
        info = await place.ends(folder)
        assert info.state is JobState.DONE
        assert info.attempts == 2
        assert place.result(folder) == expected(20)
        assert steps_in(await place.heard(folder)) == list(range(1, 21))  # none was done twice

    run(work, tmp_path)


def test_a_folder_does_not_make_way_for_another_folder(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        first = place.submit("steps=8 pause=0.05", Priority.FOLDER)
        await place.reaches(first, 2)
        second = place.submit("", Priority.FOLDER)
        await place.ends(second)
        assert place.scheduler.job(first).state is JobState.DONE
        assert place.scheduler.job(first).attempts == 1

    run(work, tmp_path)


def test_cancelling_ends_a_job_within_a_step(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=100 pause=0.05")
        await place.reaches(job, 2)
        at = place.scheduler.job(job).progress
        assert place.scheduler.cancel(job).state is JobState.CANCELLING
        info = await place.ends(job)
        assert info.state is JobState.CANCELLED
        assert info.progress is not None
        assert at is not None
        assert info.progress.step - at.step <= 2  # one may have ended just then
        events = info.events
        assert place.scheduler.cancel(job).events == events  # again changes nothing
        following = place.submit()
        assert (await place.ends(following)).state is JobState.DONE

    run(work, tmp_path)


def test_a_job_that_waits_is_cancelled_at_once(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        place.submit("steps=10 pause=0.05")
        waiting = place.submit()
        assert place.scheduler.cancel(waiting).state is JobState.CANCELLED

    run(work, tmp_path)


def test_a_worker_that_does_not_leave_a_cancelled_job_is_ended(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=10000 pause=0.05 deaf")
        await place.reaches(job, 1)
        pid = place.scheduler.worker_pid
        place.scheduler.cancel(job)
        assert (await place.ends(job)).state is JobState.CANCELLED
        assert not psutil.pid_exists(pid or 0)
        assert (await place.ends(place.submit())).state is JobState.DONE

    run(work, tmp_path, patience=replace(QUICK, stop=0.2))


def test_a_paused_job_goes_on_where_it_was(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=12 pause=0.03")
        await place.reaches(job, 4)
        assert place.scheduler.pause(job).state is JobState.PAUSING
        await place.becomes(job, JobState.PAUSED)
        other = place.submit()  # the worker is free for others
        assert (await place.ends(other)).state is JobState.DONE
        assert place.scheduler.resume(job).state in (JobState.QUEUED, JobState.RUNNING)
        assert (await place.ends(job)).state is JobState.DONE
        assert place.result(job) == expected(12)
        assert steps_in(await place.heard(job)) == list(range(1, 13))

    run(work, tmp_path)


def test_a_pause_can_be_taken_back_before_it_begins(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=12 pause=0.05")
        await place.reaches(job, 2)
        place.scheduler.pause(job)
        assert place.scheduler.resume(job).state is JobState.RUNNING
        assert (await place.ends(job)).state is JobState.DONE
        assert place.result(job) == expected(12)

    run(work, tmp_path)


def test_a_worker_that_is_killed_is_replaced_and_the_job_goes_on(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=20 pause=0.03")
        for step in (3, 9, 15):
            await place.reaches(job, step)
            os.kill(place.scheduler.worker_pid or 0, signal.SIGKILL)
        info = await place.ends(job)
        assert info.state is JobState.DONE
        assert info.attempts == 4
        assert place.result(job) == expected(20)

    run(work, tmp_path)


def test_a_job_that_takes_its_worker_with_it_twice_at_one_step_fails_and_others_go_on(
    tmp_path: Path,
) -> None:
    async def work(place: Office) -> None:
        bad, good = place.submit("steps=9 crash=5"), place.submit()
        info = await place.ends(bad)
        assert info.state is JobState.FAILED
        assert info.attempts == 2
        assert info.problem is not None
        assert info.problem.code == "worker-crashed"
        assert "SIGKILL" in info.problem.message
        assert "step 5" in info.problem.message
        assert (await place.ends(good)).state is JobState.DONE

    run(work, tmp_path)


def test_a_failed_job_can_be_tried_again_from_where_it_stood(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=9 crash=5")
        await place.ends(job)
        (place.path / job / "checkpoint").write_bytes(b"6 " + b"x")  # past the step
        assert place.scheduler.retry(job).problem is None
        info = await place.ends(job)
        assert info.state is JobState.DONE
        assert info.problem is None

    run(work, tmp_path)


def test_a_silent_worker_is_ended_and_the_job_goes_on(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=6 hang=3")
        info = await place.ends(job)
        assert info.state is JobState.FAILED  # it hangs every time
        assert info.problem is not None
        assert "silent" in info.problem.message

    run(work, tmp_path, silence_s=0.7)


def test_a_pause_of_everybody_ends_no_worker(tmp_path: Path) -> None:
    """As when a laptop sleeps: all at once the clock of the loop is an hour ahead."""

    async def work() -> None:
        loop = asyncio.get_running_loop()
        clock, ahead = loop.time, 0.0
        async with office(tmp_path, silence_s=20) as place:
            loop.time = lambda: clock() + ahead  # type: ignore[method-assign]
            job = place.submit("steps=40 pause=0.05")
            for step in (2, 10):
                await place.reaches(job, step)
                ahead += 3600
            pid = place.scheduler.worker_pid
            assert (await place.ends(job)).attempts == 1
            assert place.scheduler.worker_pid == pid

    asyncio.run(work())


def test_what_the_worker_says_of_a_failure_reaches_the_job(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("fail=2")
        info = await place.ends(job)
        assert info.state is JobState.FAILED
        assert info.problem is not None
        assert info.problem == Problem("input-unusable", "It does not want to.")
        assert (await place.heard(job))[-1].problem == info.problem

    run(work, tmp_path)


def test_no_worker_at_all_is_told_to_the_job_that_waits_for_it(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        info = await place.ends(place.submit())
        assert info.state is JobState.FAILED
        assert info.problem is not None
        assert "status 3" in info.problem.message

    run(work, tmp_path, "dumb")


def test_a_program_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    async def work() -> None:
        async with office(tmp_path) as place:
            missing = replace(place.scheduler._program, argv=["/nowhere/at/all"])
            place.scheduler._program = missing
            info = await place.ends(place.submit())
            assert info.problem is not None
            assert "could not be started" in info.problem.message

    asyncio.run(asyncio.wait_for(work(), 30))


def test_an_image_that_is_gone_fails_the_job_and_not_the_queue(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        (tmp_path / IMAGE.id).rename(tmp_path / "elsewhere")
        lost = place.submit()
        assert (await place.ends(lost)).state is JobState.FAILED
        (tmp_path / "elsewhere").rename(tmp_path / IMAGE.id)
        assert (await place.ends(place.submit())).state is JobState.DONE

    run(work, tmp_path)


def test_an_idle_worker_is_let_go_and_comes_back(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        await place.ends(place.submit())
        pid = place.scheduler.worker_pid or 0
        assert place.scheduler.worker_state is WorkerState.IDLE
        for _ in range(100):
            if place.scheduler.worker_state is WorkerState.NONE and not psutil.pid_exists(pid):
                break
            await asyncio.sleep(0.05)
        assert place.scheduler.worker_pid is None
        assert not psutil.pid_exists(pid)
        assert (await place.ends(place.submit())).state is JobState.DONE

    run(work, tmp_path, patience=replace(QUICK, idle=0.2))


def test_closing_keeps_the_step_and_the_next_engine_goes_on(tmp_path: Path) -> None:
    async def first(place: Office) -> None:
        job = place.submit("steps=30 pause=0.05")
        await place.reaches(job, 4)
        place.submit("steps=2")

    run(first, tmp_path)

    async def second(place: Office) -> None:
        waiting, job = (info.id for info in place.scheduler.jobs())
        assert (await place.ends(job)).state is JobState.DONE
        assert place.result(job) == expected(30)
        assert steps_in(await place.heard(job)) == list(range(1, 31))
        assert (await place.ends(waiting)).state is JobState.DONE

    run(second, tmp_path)


def test_a_removed_job_leaves_nothing(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=20 pause=0.05")
        await place.reaches(job, 2)
        with pytest.raises(WrongState):
            place.scheduler.remove(job)
        place.scheduler.cancel(job)
        await place.ends(job)
        place.scheduler.remove(job)
        assert not (tmp_path / job).exists()
        with pytest.raises(NotFound):
            place.scheduler.job(job)
        with pytest.raises(NotFound):
            await place.heard(job)

    run(work, tmp_path)


def test_a_watcher_may_come_back_at_any_event(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit("steps=6")
        events = await place.heard(job)
        for after in range(len(events) + 1):
            rest = [event async for event in place.scheduler.events(job, after)]
            assert rest == events[after:]
        assert [event async for event in place.scheduler.events(job, 10**9)] == []

    run(work, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_worker_killed_while_idle_is_replaced_when_it_is_needed(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        await place.ends(place.submit())
        os.kill(place.scheduler.worker_pid or 0, signal.SIGKILL)
        assert (await place.ends(place.submit())).state is JobState.DONE

    run(work, tmp_path)


def test_a_job_that_takes_its_worker_with_it_here_and_there_is_given_up_too(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        bad, good = place.submit("steps=40 pause=0.02"), place.submit()
        for step in range(3, 40, 3):
            await place.reaches(bad, step)
            if place.scheduler.job(bad).state.is_final:
                break
            os.kill(place.scheduler.worker_pid or 0, signal.SIGKILL)
        info = await place.ends(bad)
        assert info.state is JobState.FAILED
        assert info.attempts == 6
        assert (await place.ends(good)).state is JobState.DONE

    run(work, tmp_path)


def test_a_worker_that_hears_nothing_does_not_hold_up_whoever_waits(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        folder = place.submit("steps=100000 pause=0.05 deaf", Priority.FOLDER)
        await place.reaches(folder, 1)
        assert (await place.ends(place.submit())).state is JobState.DONE
        await place.becomes(folder, JobState.RUNNING)
        place.scheduler.pause(folder)
        await place.becomes(folder, JobState.PAUSED)  # and that was no crash
        assert place.scheduler.job(folder).problem is None

    run(work, tmp_path, patience=replace(QUICK, leave=0.3))


def test_no_room_for_a_jobs_files_passes_and_the_queue_goes_on(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        real, place.scheduler._spool = place.scheduler._spool, Full()
        jobs = [place.submit() for _ in range(3)]
        await asyncio.sleep(0.5)
        assert {place.scheduler.job(job).state for job in jobs} == {JobState.QUEUED}
        place.scheduler._spool = real
        for job in jobs:
            assert (await place.ends(job)).state is JobState.DONE

    run(work, tmp_path, patience=replace(QUICK, again=0.1))


class Full:
    """A disk without room."""

    def image_file(self, image_id: str) -> Path:
        return Path(image_id)

    def job_folder(self, job_id: str) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    def remove_job(self, job_id: str) -> None: ...


def test_jobs_come_in_pages_that_miss_none_while_others_come_and_go(tmp_path: Path) -> None:
    async def work() -> None:
        async with office(tmp_path, "dumb") as place:
            jobs = [place.submit() for _ in range(5)][::-1]
            for job in jobs:
                place.scheduler.cancel(job)
            page, following = place.scheduler.page(2, None)
            assert [job.id for job in page] == jobs[:2]
            place.scheduler.remove(jobs[1])  # the last of that page
            place.submit()
            page, following = place.scheduler.page(2, following)
            assert [job.id for job in page] == jobs[2:4]
            page, following = place.scheduler.page(2, following)
            assert ([job.id for job in page], following) == (jobs[4:], None)
            assert place.scheduler.page(None, None) == (place.scheduler.jobs(), None)

    asyncio.run(work())


def test_a_home_that_is_not_utf8_is_a_home_like_any_other(tmp_path: Path) -> None:
    home = tmp_path / os.fsdecode(b"h\xff\xe4me")
    try:
        home.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system holds UTF-8 names alone")

    async def work(place: Office) -> None:
        job = place.submit("steps=3")
        info = await place.ends(job)
        assert info.state is JobState.DONE
        assert place.result(job) == expected(3)
        failing = place.submit("fail=1")
        assert (await place.ends(failing)).state is JobState.FAILED
        (home / IMAGE.id).unlink()
        missing = place.submit()
        info = await place.ends(missing)
        assert info.problem is not None
        codec.dumps(info)
        for event in await place.heard(missing):
            codec.dumps(event)

    run(work, home)


def test_a_sentence_with_an_odd_path_can_be_told(tmp_path: Path) -> None:
    async def work(place: Office) -> None:
        job = place.submit()
        odd = os.fsdecode(b"/h\xffme")
        problem = Problem("output-unwritable", f"{odd} cannot be written.")
        place.scheduler._registry.act(job, Action.FAIL, problem=problem, notes=[odd], recipe=odd)
        assert b"cannot be written" in codec.dumps(place.scheduler.job(job))

    run(work, tmp_path, "dumb")
