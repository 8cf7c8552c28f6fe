import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scalediff_engine.base.errors import DiskFull, EngineError, OutputError
from scalediff_engine.client.messages import (
    EventKind,
    JobEvent,
    JobInfo,
    JobProgress,
    JobState,
    Priority,
    Problem,
    UpscaleSettings,
)
from scalediff_engine.jobs.record import Record
from scalediff_engine.jobs.store import JobStore


def record(name: str = "a", number: int = 1, **fields: Any) -> Record:
    info = JobInfo(
        name, JobState.QUEUED, UpscaleSettings(prompt="ein Löwe 🦁"), "i", 1, 2, 3, 4,
        Priority.EDITOR, "layer", True, 1.0, 2.0, events=1,
    )  # fmt: skip
    return Record(replace(info, **fields), number)


def event(number: int, state: JobState = JobState.RUNNING) -> JobEvent:
    return JobEvent(number, EventKind.STATE, state, JobProgress("p", 1, 1, 1, 2, 0.5, 3.0, 4))


def test_what_is_put_in_comes_out_in_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "jobs.sqlite3"
    store = JobStore(file)
    full = replace(record(problem=Problem("code", "words")), crashes=1, crash_place="stage 1")
    store.put(full, event(1))
    store.put(full, event(2))
    store.put(record("b", 2))
    store.close()
    again = JobStore(file)
    assert sorted(again.records(), key=lambda found: found.number) == [full, record("b", 2)]
    assert again.events("a", 0, 10) == [event(1), event(2)]
    assert again.events("a", 1, 10) == [event(2)]
    assert again.events("a", 0, 1) == [event(1)]
    assert again.events("b", 0, 10) == []
    again.close()


def test_a_removed_job_takes_its_events_along(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    store.put(record(), event(1))
    store.remove("a")
    assert store.records() == []
    assert store.events("a", 0, 10) == []
    store.put(record(), event(1))  # the number is free again
    store.close()


def test_an_event_cannot_be_written_twice(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    store.put(record(), event(1))
    with pytest.raises(sqlite3.IntegrityError):
        store.put(record(updated_at=9.0), event(1))
    assert store.records() == [record()]  # nor the job's change that came with it
    store.close()


def test_a_later_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    JobStore(file).close()
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version=7")
    database.close()
    with pytest.raises(EngineError, match="7"):
        JobStore(file)


@pytest.mark.parametrize("damage", ["head", "middle", "garbage"])
def test_a_damaged_file_is_put_aside_and_work_goes_on(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    for number in range(200):
        store.put(record(str(number), number), event(1))
    store.close()
    data = bytearray(file.read_bytes())
    if damage == "head":
        data[:100] = bytes(100)
    elif damage == "middle":
        data[4096:12288] = os.urandom(8192)
    else:
        data[:] = b"not a database at all" * 100
    file.write_bytes(bytes(data))
    store = JobStore(file)
    assert store.records() == []
    store.put(record())
    store.close()
    assert [path.name for path in tmp_path.glob("*.damaged-*")]


def test_a_file_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite3").mkdir()
    with pytest.raises(EngineError, match="cannot be opened"):
        JobStore(tmp_path / "jobs.sqlite3")


def test_a_full_disk_is_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    store.put(record())
    ((pages,),) = store._database.execute("PRAGMA page_count").fetchall()
    store._database.execute(f"PRAGMA max_page_count={pages}")

    def fill() -> None:
        for number in range(2, 2000):
            store.put(record(title="x" * 5000), event(number))

    with pytest.raises(DiskFull):
        fill()
    ((count,),) = store._database.execute("SELECT count(*) FROM events").fetchall()
    store._database.execute("PRAGMA max_page_count=1000000")
    store.put(record(title="again"), event(count + 1))  # and when there is room, it goes on
    assert store.records()[0].info.title == "again"
    store.close()


_WRITER = """
import sys
from pathlib import Path
from unit.jobs.test_store import event, record
from scalediff_engine.jobs.store import JobStore
store = JobStore(Path(sys.argv[1]))
print("begun", flush=True)
for number in range(1, 100000):
    found = record(events=number, title="x" * (number % 3000))
    store.put(found, event(number), durable=number % 5 == 0)
    print(number, flush=True)
"""


def test_a_copy_made_in_the_midst_of_writing_is_whole(tmp_path: Path) -> None:
    """As after a power cut: the writer is frozen anywhere, its files are copied, and opened."""
    chance = random.Random(3)  # noqa: S311
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "jobs.sqlite3")],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == "begun\n"
        os.set_blocking(writer.stdout.fileno(), False)
        told = 0
        for cut in range(20):
            time.sleep(chance.uniform(0.005, 0.06))
            os.kill(writer.pid, signal.SIGSTOP)
            lines = (writer.stdout.read() or "").split()
            told = int(lines[-1]) if lines else told
            folder = tmp_path / f"cut{cut}"
            folder.mkdir()
            for ending in ("", "-wal"):  # the third file is memory's and is lost
                shutil.copy(tmp_path / f"jobs.sqlite3{ending}", folder)
            store = JobStore(folder / "jobs.sqlite3")
            numbers = [found.number for found in store.events("a", 0, 10**6)]
            assert numbers == list(range(1, len(numbers) + 1))
            assert len(numbers) >= told  # what was told of is there
            assert [found.info.events for found in store.records()] == [len(numbers)] * bool(
                numbers
            )
            store.close()
            os.kill(writer.pid, signal.SIGCONT)
        assert told > 20
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()


def test_whatever_keeps_the_file_from_being_written_is_a_sentence(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    other = sqlite3.connect(tmp_path / "jobs.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store._database.execute("PRAGMA busy_timeout=50")
    with pytest.raises(OutputError, match="locked"):
        store.put(record())
    other.execute("ROLLBACK")
    store.put(record())
    other.close()
    store.close()
