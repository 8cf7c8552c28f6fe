"""The rows, and which of them are seen."""

from __future__ import annotations

from fake_batches import item

from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.conflicts import NameConflict, ResultNames
from scalediff_engine.batch.folder_scan import Entry
from scalediff_engine.client.batches import FileState
from scalediff_engine.client.messages import Problem
from scalediff_engine.ui.folder.rows import Filter, Rows, Status


def rows(count: int) -> Rows:
    return Rows(Entry(f"/{n}.png", f"{n}.png", width=10 + n, height=10) for n in range(count))


def test_before_the_start_a_row_says_what_would_happen() -> None:
    found = rows(4)
    found.set_targets(
        ResultNames(
            ["/a"] * 4, {0: NameConflict.EXISTS, 1: NameConflict.DUPLICATE, 3: NameConflict.EXISTS}
        )
    )
    found.set_unfit({Size(12, 10): "too large", Size(13, 10): "too large"})
    states = [found.status(index) for index in range(4)]
    assert states == [
        Status.EXISTS, Status.WRONG_NAME, Status.WILL_NOT_FIT, Status.WILL_NOT_FIT,
    ]  # fmt: skip
    assert found.startable() == [0]
    assert found.counts() == {
        Filter.ALL: 4, Filter.TO_DO: 0, Filter.DONE: 0, Filter.SKIPPED: 1, Filter.ERRORS: 3,
    }  # fmt: skip
    assert found.unfit(2) == "too large"


def test_nothing_is_startable_while_names_are_missing() -> None:
    found = rows(3)
    found.set_targets(ResultNames(["/a", "/b"]))
    assert found.startable() == []


def test_errors_are_found_among_many() -> None:
    found = rows(100)
    found.take_items([item(n, FileState.DONE) for n in range(100)])
    failed = item(42, FileState.FAILED, problem=Problem("disk-full", "The disk is full."))
    found.take_items([failed])
    resets: list[int] = []
    found.reset.add(lambda: resets.append(len(found)))
    found.show(Filter.ERRORS)
    assert resets == [1]
    assert found.index(0) == 42
    problem = found.problem(42)
    assert problem is not None
    assert problem.message == "The disk is full."
    assert found.counts()[Filter.ERRORS] == 1
    # a retry takes it away again, once somebody looks
    found.take_items([item(42, FileState.DONE)])
    assert len(found) == 1
    found.refresh()
    assert len(found) == 0
    assert found.problem(42) is None


def test_new_rows_are_announced_before_they_are_there() -> None:
    found = rows(2)
    heard: list[object] = []
    found.appended.add(lambda span: heard.append((span, len(found))))
    found.arrived.add(lambda: heard.append(len(found)))
    found.append([Entry("/x.png", "x.png")])
    assert heard == [((2, 2), 2), 3]


def test_changes_are_told_by_the_rows_that_are_seen() -> None:
    found = rows(10)
    spans: list[tuple[int, int]] = []
    found.changed.add(spans.append)
    found.take_items([item(3, FileState.RUNNING), item(5, FileState.WAITING)])
    assert spans == [(3, 5)]


def test_rows_that_are_removed_take_their_names_with_them() -> None:
    found = rows(4)
    found.set_targets(ResultNames(["/0", "/1", "/2", "/3"], {3: NameConflict.EXISTS}))
    before: list[int] = []
    found.resetting.add(lambda: before.append(len(found)))
    found.remove([0, 2])
    assert before == [4]
    assert [entry.name for entry in found.entries] == ["1.png", "3.png"]
    assert [found.target(0), found.target(1)] == ["/1", "/3"]
    assert found.status(1) is Status.EXISTS


def test_counts_agree_with_the_rows() -> None:
    found = rows(30)
    found.set_targets(
        ResultNames([f"/{n}" for n in range(30)], dict.fromkeys(range(5), NameConflict.EXISTS))
    )
    found.set_unfit({Size(10 + n, 10): "no" for n in range(3, 9)})
    found.take_items([item(n, FileState.CANCELLED) for n in range(20, 30)])
    for wanted, count in found.counts().items():
        found.show(wanted)
        assert len(found) == count, wanted
