"""How a batch stands, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scalediff_engine.client.batches import BatchFile, BatchRequest, BatchState, FileState
from scalediff_engine.client.messages import EventKind, JobProgress
from scalediff_engine.jobs.batch_progress import Ledger
from scalediff_engine.jobs.batch_store import BatchStore, Header


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    store = BatchStore(tmp_path / "batches.sqlite")
    header = Header("a" * 32, 1, BatchRequest(), BatchState.OPEN, 0.0, 0.0, 1)
    store.put(header)
    found = Ledger(store, header, lambda: 5.0)
    found.add([BatchFile(f"/in/{n}", f"/out/{n}") for n in range(4)])
    found.note(state=BatchState.RUNNING)
    return found


def progress(fraction: float, left: float | None = None) -> JobProgress:
    return JobProgress("sharpening", 1, 1, 1, 4, fraction, left)


def begin(ledger: Ledger, index: int) -> None:
    item = ledger._store.item(ledger.header.id, index)
    ledger.note(item=replace(item, state=FileState.RUNNING, job=f"{index:032}"))


def end(ledger: Ledger, state: FileState = FileState.DONE, seconds: float = 0.0) -> None:
    assert ledger.current is not None
    ledger.note(item=replace(ledger.current, state=state, seconds=seconds))


def test_no_time_is_told_before_anything_is_known(ledger: Ledger) -> None:
    assert ledger.info().seconds_left is None
    begin(ledger, 0)
    assert ledger.info().seconds_left is None


def test_the_first_file_tells_for_all(ledger: Ledger) -> None:
    begin(ledger, 0)
    ledger.advance(progress(0.5, 10.0))
    info = ledger.info()
    assert info.fraction == pytest.approx(0.5 / 4)
    assert info.seconds_left == pytest.approx(10 + 3 * 20)


def test_files_that_are_done_tell_better(ledger: Ledger) -> None:
    begin(ledger, 0)
    end(ledger, seconds=8.0)
    assert ledger.info().seconds_left == pytest.approx(3 * 8)
    begin(ledger, 1)
    assert ledger.info().seconds_left == pytest.approx(3 * 8)
    ledger.advance(progress(0.25, 6.0))
    assert ledger.info().seconds_left == pytest.approx(6 + 2 * 8)


def test_files_that_were_not_computed_tell_nothing(ledger: Ledger) -> None:
    begin(ledger, 0)
    end(ledger, FileState.FAILED, seconds=8.0)
    assert ledger.info().seconds_left is None
    assert ledger.info().fraction == pytest.approx(1 / 4)


def test_a_file_left_half_done_is_not_counted_twice(ledger: Ledger) -> None:
    begin(ledger, 0)
    ledger.advance(progress(0.5, 10.0))
    assert ledger.current is not None
    ledger.note(state=BatchState.PAUSED, item=replace(ledger.current, state=FileState.WAITING))
    info = ledger.info()
    assert (info.current, info.counts) == (0, {"waiting": 4})
    assert info.progress == progress(0.5, 10.0)
    assert info.fraction == pytest.approx(0.5 / 4)
    assert info.seconds_left == pytest.approx(10 + 3 * 20)


def test_progress_belongs_to_one_file(ledger: Ledger) -> None:
    begin(ledger, 0)
    ledger.advance(progress(0.5))
    end(ledger)
    assert ledger.info().progress is None
    begin(ledger, 1)
    assert ledger.info().progress is None


def test_a_change_of_state_is_not_hidden_by_progress(ledger: Ledger) -> None:
    seen = ledger.header.events
    assert ledger.newer(seen) is None
    begin(ledger, 0)
    ledger.advance(progress(0.5))
    assert ledger.newer(seen) is EventKind.STATE
    assert ledger.newer(seen + 1) is EventKind.PROGRESS


def test_the_numbers_go_on_after_a_restart(ledger: Ledger) -> None:
    begin(ledger, 0)
    for step in range(5):
        ledger.advance(progress(step / 5))
    (header,) = ledger._store.headers()
    again = Ledger(ledger._store, header, lambda: 6.0)
    assert again.header.events == ledger.header.events
    assert again.current == ledger.current
    assert again.counts == {state: count for state, count in ledger.counts.items() if count}


def test_all_is_told_when_nothing_is_left(ledger: Ledger) -> None:
    for index in range(4):
        begin(ledger, index)
        end(ledger, seconds=1.0)
    ledger.note(state=BatchState.DONE)
    info = ledger.info()
    assert (info.fraction, info.seconds_left, info.is_over) == (1.0, None, True)
