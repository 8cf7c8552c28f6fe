import itertools
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
from scalediff_engine.jobs.database import JobStore
from scalediff_engine.jobs.record import Record


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
    full = replace(
        record(problem=Problem("code", "words"), events=2), crashes=1, crash_place="stage 1"
    )
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


def rows(file: Path, query: str, *values: object) -> list[Any]:
    """Run a query on a store's file behind its back."""
    database = sqlite3.connect(file)
    try:
        with database:
            return database.execute(query, values).fetchall()
    finally:
        database.close()


def test_a_file_of_a_later_version_is_set_aside_whole(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    store.put(record())
    store.close()
    rows(file, "PRAGMA user_version=7")
    store = JobStore(file)
    assert store.records() == []
    store.put(record("b", 2))
    store.close()
    (aside,) = tmp_path.glob("jobs.sqlite3.damaged-*")
    assert rows(aside, "SELECT id FROM jobs") == [("a",)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"info": {}, "number": 1}',
        b"9" * 5000,
        b"[" * 100_000,
        None,
    ],
)
def test_a_record_that_cannot_be_read_is_set_aside_and_the_others_are_there(
    tmp_path: Path, body: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    store.put(record(), event(1))
    store.put(record("b", 2), event(1))
    (found,) = rows(file, "SELECT body FROM jobs WHERE id = 'a'")
    # half of it, or the state word of a later version, or damage
    bad = found[0][:40].encode() if body is None else body
    rows(file, "UPDATE jobs SET body = ? WHERE id = 'a'", bad)
    assert store.records() == [record("b", 2)]
    assert "set aside" in caplog.text
    store.close()
    store = JobStore(file)
    assert store.records() == [record("b", 2)]
    assert store.events("a", 0, 10) == []
    store.put(record(), event(1))
    assert len(store.records()) == 2
    store.close()
    assert rows(file, "SELECT source, name, body FROM set_aside") == [("jobs", b"a", bad)]


def test_a_state_of_a_later_version_sets_one_job_aside(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    store.put(record())
    store.put(record("b", 2))
    rows(file, "UPDATE jobs SET body = replace(body, 'queued', 'dreaming') WHERE id = 'a'")
    assert store.records() == [record("b", 2)]
    store.close()


def test_whatever_bit_of_a_record_flips_no_start_fails(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    store.put(record())
    ((body,),) = rows(file, "SELECT CAST(body AS BLOB) FROM jobs")
    chance = random.Random(1)  # noqa: S311
    outcomes = set()
    for place in chance.sample(range(8 * len(body)), 120):
        damaged = bytearray(body)
        damaged[place // 8] ^= 1 << place % 8
        rows(file, "INSERT OR REPLACE INTO jobs VALUES ('a', ?)", bytes(damaged))
        outcomes.add(len(store.records()))
        store.put(
            replace(record(), info=replace(record().info, title="still written")), durable=False
        )
    store.close()
    assert outcomes == {0, 1}


def test_whatever_bit_of_the_file_flips_no_start_fails(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    for number in range(8):
        store.put(record(str(number), number), event(1))
    store.close()
    whole, chance = file.read_bytes(), random.Random(2)  # noqa: S311
    places = [*range(8 * 100), *(chance.randrange(8 * len(whole)) for _ in range(60))]
    for place in chance.sample(places, 60):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        store = JobStore(file)
        for found in store.records():
            store.events(found.info.id, 0, 10)
        store.put(record("new", 99))
        store.close()


@pytest.mark.parametrize("table", ["jobs", "events"])
def test_a_dropped_table_is_made_again(tmp_path: Path, table: str) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    store.put(record(), event(1))
    store.close()
    rows(file, f"DROP TABLE {table}")
    store = JobStore(file)
    assert store.records() == ([] if table == "jobs" else [record()])
    store.put(record("b", 2), event(1))
    assert store.events("b", 0, 10) == [event(1)]
    store.close()


def test_other_tables_under_our_names_are_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    rows(file, "CREATE TABLE jobs (something TEXT)")
    store = JobStore(file)
    store.put(record())
    store.close()
    assert list(tmp_path.glob("*.damaged-*"))


def test_a_lost_wal_loses_the_newest_jobs_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    store.put(record(), event(1))
    store.close()  # in the file itself
    store = JobStore(file)
    store.put(record("b", 2), event(1))
    (tmp_path / "copy").mkdir()
    shutil.copy(file, tmp_path / "copy")
    store.close()
    store = JobStore(tmp_path / "copy" / file.name)
    assert store.records() == [record()]
    store.put(record("b", 2), event(1))
    store.close()


def test_a_job_goes_on_after_its_newest_event(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    store = JobStore(file)
    for number in (1, 2, 3):
        store.put(record(), event(number))  # says that it has one event
    (found,) = store.records()
    assert found.info.events == 3
    rows(file, "INSERT INTO events VALUES ('a', 1 << 50, '{}')")
    (found,) = store.records()
    assert found.info.events == 1  # such a number is damage
    store.close()


def test_the_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite3"
    file.touch()
    file.chmod(0o644)
    store = JobStore(file)
    store.put(record())
    for path in tmp_path.glob("jobs.sqlite3*"):
        assert path.stat().st_mode & 0o777 == 0o600, path
    store.close()


@pytest.mark.parametrize("damage", ["head", "middle", "garbage"])
def test_a_damaged_file_is_set_aside_and_work_goes_on(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
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
    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.read_bytes() == bytes(data)
    assert len(caplog.records) == 1


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
from scalediff_engine.jobs.database import JobStore
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
    )
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == b"begun\n"
        os.set_blocking(writer.stdout.fileno(), False)
        told = 0
        for cut in itertools.count():
            if cut >= 20 and told > 20:
                break
            time.sleep(chance.uniform(0.005, 0.06))
            os.kill(writer.pid, signal.SIGSTOP)
            lines = (writer.stdout.read() or b"").split()
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
