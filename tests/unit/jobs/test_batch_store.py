"""The store of batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scalediff_engine.base.errors import DiskFull, UsageError
from scalediff_engine.client.batches import (
    BatchFile,
    BatchItem,
    BatchRequest,
    BatchState,
    Existing,
    FileState,
)
from scalediff_engine.client.messages import Problem, UpscaleSettings
from scalediff_engine.jobs.batch_store import BatchStore, Header

REQUEST = BatchRequest(UpscaleSettings(prompt="Öl"), "a folder", Existing.SKIP, 90)
HEADER = Header("a" * 32, 1, REQUEST, BatchState.OPEN, 10.0, 20.0, 1)


def file(number: int) -> BatchFile:
    return BatchFile(f"/in/{number}.png", f"/out/{number}.png")


@pytest.fixture
def store(tmp_path: Path) -> BatchStore:
    found = BatchStore(tmp_path / "batches.sqlite")
    found.put(HEADER)
    return found


def test_what_was_written_is_there_after_a_restart(store: BatchStore, tmp_path: Path) -> None:
    store.add(replace(HEADER, events=2), [file(0), file(1)])
    done = BatchItem(
        1, "/in/1.png", "/out/1.png", FileState.FAILED, 2.5, Problem("code", "Why."), "b" * 32, 3
    )
    header = replace(HEADER, events=3, state=BatchState.RUNNING, updated_at=30.0)
    store.put(header, done)
    store.close()
    again = BatchStore(tmp_path / "batches.sqlite")
    assert again.headers() == [header]
    first = BatchItem(0, "/in/0.png", "/out/0.png", FileState.WAITING, changed=2)
    assert again.items(HEADER.id, 0, 0, 10) == [first, done]
    assert again.counts(HEADER.id) == {FileState.WAITING: 1, FileState.FAILED: 1}
    assert again.first_waiting(HEADER.id) == first


def test_items_are_given_from_an_index_on_that_changed_after_an_event(store: BatchStore) -> None:
    store.add(replace(HEADER, events=2), [file(n) for n in range(5)])
    item = store.item(HEADER.id, 3)
    store.put(replace(HEADER, events=7), replace(item, changed=7))
    assert [i.index for i in store.items(HEADER.id, 0, 1, 2)] == [1, 2]
    assert [i.index for i in store.items(HEADER.id, 2, 0, 10)] == [3]
    assert store.items(HEADER.id, 7, 0, 10) == []


def test_moving_files_forgets_their_jobs_and_problems(store: BatchStore) -> None:
    store.add(replace(HEADER, events=2), [file(0), file(1)])
    item = store.item(HEADER.id, 0)
    failed = replace(item, state=FileState.FAILED, problem=Problem("a", "b"), job="c" * 32)
    store.put(replace(HEADER, events=3), failed)
    assert store.with_jobs(HEADER.id) == []
    store.move(replace(HEADER, events=4), [FileState.FAILED], FileState.WAITING)
    assert store.item(HEADER.id, 0) == replace(item, changed=4)
    assert store.item(HEADER.id, 1).changed == 2


def test_only_what_is_done_counts_for_the_time(store: BatchStore) -> None:
    store.add(HEADER, [file(0), file(1)])
    for index, state in enumerate((FileState.DONE, FileState.FAILED)):
        item = replace(store.item(HEADER.id, index), state=state, seconds=4.0)
        store.put(HEADER, item)
    assert store.spent_seconds(HEADER.id) == 4.0


def test_refused_files_leave_nothing(store: BatchStore) -> None:
    with pytest.raises(UsageError, match="Two files would become"):
        store.add(replace(HEADER, events=2), [file(0), BatchFile("/in/9.png", "/out/./0.png")])
    assert store.counts(HEADER.id) == {}
    assert store.headers() == [HEADER]


def test_a_removed_batch_takes_its_files_with_it(store: BatchStore) -> None:
    store.add(HEADER, [file(0)])
    store.remove(HEADER.id)
    assert store.headers() == []
    assert store.items(HEADER.id, 0, 0, 10) == []


def test_a_full_disk_changes_nothing(store: BatchStore) -> None:
    ((pages,),) = store._database.execute("PRAGMA page_count").fetchall()
    store._database.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DiskFull, match="list of batches"):
        store.add(replace(HEADER, events=2), [file(n) for n in range(200)])
    assert store.headers() == [HEADER]


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "batches.sqlite"
    path.write_bytes(b"no database" * 1000)
    assert BatchStore(path).headers() == []
    assert [p for p in tmp_path.iterdir() if "damaged" in p.name]


def behind(store: BatchStore, query: str, *values: object) -> None:
    store._database.execute("PRAGMA ignore_check_constraints=ON")
    store._database.execute(query, values)


def test_a_file_of_a_later_format_is_set_aside(store: BatchStore, tmp_path: Path) -> None:
    behind(store, "PRAGMA user_version=9")
    store.close()
    again = BatchStore(tmp_path / "batches.sqlite")
    assert again.headers() == []
    again.put(HEADER)
    assert list(tmp_path.glob("*.damaged-*"))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("request", "{"),
        ("request", b"\xff"),
        ("state", "dreaming"),
        ("number", "one"),
        ("events", "many"),
        ("updated_at", b"x"),
    ],
)
def test_a_batch_that_cannot_be_read_is_set_aside_with_its_files(
    store: BatchStore, tmp_path: Path, column: str, value: object
) -> None:
    other = replace(HEADER, id="b" * 32, number=2)
    store.put(other)
    store.add(HEADER, [file(0), file(1)])
    behind(store, f"UPDATE batches SET {column} = ? WHERE id = ?", value, HEADER.id)  # noqa: S608
    store.close()
    again = BatchStore(tmp_path / "batches.sqlite")
    assert again.headers() == [other]
    kept = again._database.execute("SELECT source FROM set_aside").fetchall()
    assert sorted(kept) == [("batches",), ("items",), ("items",)]
    assert again.counts(HEADER.id) == {}
    again.put(HEADER)  # its place is free


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "dreaming"),
        ("seconds", b"x"),
        ("changed", "x"),
        ("problem", "{"),
        ("source", b"\xff"),
        ("target", b"\xff"),
    ],
)
def test_a_file_whose_record_cannot_be_read_fails_and_the_others_go_on(
    store: BatchStore, tmp_path: Path, column: str, value: object
) -> None:
    store.add(HEADER, [file(0), file(1)])
    store.move(HEADER, [FileState.WAITING], FileState.FAILED)
    store.move(HEADER, [FileState.FAILED], FileState.WAITING)
    failed = replace(store.item(HEADER.id, 0), state=FileState.FAILED)
    store.put(HEADER, failed)
    behind(store, f"UPDATE items SET {column} = ? WHERE place = 0", value)  # noqa: S608
    store.close()
    again = BatchStore(tmp_path / "batches.sqlite")
    assert again.headers() == [HEADER]
    first, second = again.items(HEADER.id, 0, 0, 10)
    assert first.state is FileState.FAILED
    assert first.problem is not None
    assert first.problem.code == "record-damaged"
    assert second.state is FileState.WAITING
    assert again.counts(HEADER.id) == {FileState.FAILED: 1, FileState.WAITING: 1}


@pytest.mark.parametrize("table", ["batches", "items"])
def test_a_dropped_table_is_made_again(store: BatchStore, tmp_path: Path, table: str) -> None:
    store.add(HEADER, [file(0)])
    store._database.execute("PRAGMA foreign_keys=OFF")
    behind(store, f"DROP TABLE {table}")
    store.close()
    again = BatchStore(tmp_path / "batches.sqlite")
    assert again.headers() == ([] if table == "batches" else [HEADER])
    again.put(HEADER)
    again.add(HEADER, [file(7)])
