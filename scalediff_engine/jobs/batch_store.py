"""Batches and their files in a SQLite file that survives a power cut."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalediff_engine.base.errors import OutputError, UsageError
from scalediff_engine.base.files import same_place
from scalediff_engine.client import codec
from scalediff_engine.client.batches import (
    BatchFile,
    BatchItem,
    BatchRequest,
    BatchState,
    FileState,
)
from scalediff_engine.client.messages import Problem
from scalediff_engine.jobs.database import Layout, opened, set_row_aside, writing

_log = logging.getLogger(__name__)

_LAYOUT = Layout(
    "The list of batches",
    1,
    """
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    events INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    batch TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL,
    seconds REAL NOT NULL,
    problem TEXT,
    job TEXT,
    changed INTEGER NOT NULL,
    source_key TEXT NOT NULL,
    target_key TEXT NOT NULL,
    PRIMARY KEY (batch, place)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_state ON items (batch, state, place);
CREATE INDEX IF NOT EXISTS items_by_source ON items (batch, source_key);
CREATE UNIQUE INDEX IF NOT EXISTS items_by_target ON items (batch, target_key);
""",
)

_DAMAGED = Problem(
    "record-damaged", "The record of this file was damaged on the disk. Retry the file."
)
_ITEM = "place, source, target, state, seconds, problem, job, changed"


@dataclass(frozen=True)
class Header:
    """A batch without its files.

    Attributes:
        id: of it
        number: batches are done in this order
        request: what was asked for
        state: where it stands
        created_at, updated_at: moments
        events: number of the newest event
    """

    id: str
    number: int
    request: BatchRequest
    state: BatchState
    created_at: float
    updated_at: float
    events: int


class BatchStore:
    """Keeps batches on disk; for one thread. Whatever cannot be written raises ``OutputError``.

    Args:
        file: created if it is missing; one that cannot be read is set aside, see ``database``

    Raises:
        EngineError: it can be neither opened nor renamed.
    """

    def __init__(self, file: Path) -> None:
        self._database = opened(file, _LAYOUT)
        try:
            with writing(self._database, _LAYOUT):
                self._repair_items()
        except OutputError as error:
            _log.warning("Damaged records stay where they are: %s", error)

    def close(self) -> None:
        """Fold everything into the one file."""
        self._database.close()

    def headers(self) -> list[Header]:
        """Return all batches; set those aside that cannot be read, with their files."""
        found: list[Header] = []
        damaged: list[bytes] = []
        rows = self._database.execute(
            "SELECT CAST(id AS BLOB), number, request, state, created_at, updated_at, events"
            " FROM batches"
        )
        for name, *rest in rows:
            header = _header(name, rest)
            if header is None:
                damaged.append(name)
            else:
                found.append(header)
        try:
            for name in damaged:
                with writing(self._database, _LAYOUT):
                    self._set_batch_aside(name)
        except OutputError as error:  # they are passed over until the next start
            _log.warning("Damaged records stay where they are: %s", error)
        return found

    def counts(self, batch: str) -> dict[FileState, int]:
        """How many files of a batch are in each state."""
        rows = self._database.execute(
            "SELECT state, count(*) FROM items WHERE batch = ? GROUP BY state", (batch,)
        )
        return {FileState(state): count for state, count in rows}

    def spent_seconds(self, batch: str) -> float:
        """For all files of a batch that are done, together."""
        ((seconds,),) = self._database.execute(
            "SELECT total(seconds) FROM items WHERE batch = ? AND state = ?",
            (batch, FileState.DONE.value),
        )
        return seconds

    def items(self, batch: str, since: int, start: int, count: int) -> list[BatchItem]:
        """Files of a batch from an index on that changed after an event, at most so many."""
        rows = self._database.execute(
            f"SELECT {_ITEM} FROM items WHERE batch = ? AND place >= ? AND changed > ?"  # noqa: S608
            " ORDER BY place LIMIT ?",
            (batch, start, since, count),
        )
        return [_item(row) for row in rows]

    def item(self, batch: str, index: int) -> BatchItem:
        """Give a file that is there."""
        ((*row,),) = self._database.execute(
            f"SELECT {_ITEM} FROM items WHERE batch = ? AND place = ?",  # noqa: S608
            (batch, index),
        )
        return _item(row)

    def first_waiting(self, batch: str) -> BatchItem | None:
        """Give the file whose turn it is."""
        rows = self._database.execute(
            f"SELECT {_ITEM} FROM items WHERE batch = ? AND state = ? ORDER BY place LIMIT 1",  # noqa: S608
            (batch, FileState.WAITING.value),
        )
        return next(map(_item, rows), None)

    def with_jobs(self, batch: str) -> list[BatchItem]:
        """Give the files that have a job and are not settled; one at most, if all is well."""
        rows = self._database.execute(
            f"SELECT {_ITEM} FROM items"  # noqa: S608
            " WHERE batch = ? AND state IN (?, ?) AND job IS NOT NULL ORDER BY place",
            (batch, FileState.RUNNING.value, FileState.WAITING.value),
        )
        return [_item(row) for row in rows]

    def put(self, header: Header, item: BatchItem | None = None, *, durable: bool = True) -> None:
        """Write a batch, and what happened to one of its files."""
        with writing(self._database, _LAYOUT, durable=durable):
            self._put_header(header)
            if item is not None:
                self._database.execute(
                    "UPDATE items SET state = ?, seconds = ?, problem = ?, job = ?, changed = ?"
                    " WHERE batch = ? AND place = ?",
                    (
                        item.state.value,
                        item.seconds,
                        None if item.problem is None else codec.dumps(item.problem).decode(),
                        item.job,
                        item.changed,
                        header.id,
                        item.index,
                    ),
                )

    def add(self, header: Header, files: Sequence[BatchFile]) -> None:
        """Write more files of a batch.

        Raises:
            UsageError: a result would replace another one, or a source.
        """
        with writing(self._database, _LAYOUT, durable=False):
            ((start,),) = self._database.execute(
                "SELECT coalesce(max(place) + 1, 0) FROM items WHERE batch = ?", (header.id,)
            )
            for index, file in enumerate(files, start):
                self._add(header, index, file)
            self._require_apart(header.id, start)
            self._put_header(header)

    def move(self, header: Header, found: Sequence[FileState], to: FileState) -> None:
        """Write a batch, and that all files in some states are in another one now."""
        with writing(self._database, _LAYOUT):
            self._put_header(header)
            marks = ", ".join("?" * len(found))
            self._database.execute(
                "UPDATE items SET state = ?, problem = NULL, job = NULL, seconds = 0, changed = ?"  # noqa: S608
                f" WHERE batch = ? AND state IN ({marks})",
                (to.value, header.events, header.id, *(state.value for state in found)),
            )

    def remove(self, batch: str) -> None:
        """Forget a batch and its files."""
        with writing(self._database, _LAYOUT):
            self._database.execute("DELETE FROM batches WHERE id = ?", (batch,))

    def _repair_items(self) -> None:
        """Have files fail whose record cannot be read; keep what the record held."""
        states = ", ".join(f"'{state.value}'" for state in FileState)
        damaged = self._database.execute(
            "SELECT batch, place, source, CAST(state AS BLOB), problem FROM items"  # noqa: S608
            f" WHERE state NOT IN ({states}) OR typeof(seconds) != 'real'"
            " OR typeof(changed) != 'integer'"
            " OR typeof(source) != 'text' OR typeof(target) != 'text'"
        ).fetchall()
        for batch, place, *held in damaged:
            set_row_aside(self._database, _LAYOUT, "items", batch, repr((place, *held)))
            self._database.execute(
                "UPDATE items SET source = CAST(source AS TEXT), target = CAST(target AS TEXT),"
                " state = ?, seconds = 0.0, problem = ?, job = NULL, changed = 1"
                " WHERE batch = ? AND place = ?",
                (FileState.FAILED.value, codec.dumps(_DAMAGED).decode(), batch, place),
            )

    def _set_batch_aside(self, name: bytes) -> None:
        (row,) = self._database.execute(
            "SELECT number, request, state FROM batches WHERE CAST(id AS BLOB) = ?", (name,)
        )
        set_row_aside(self._database, _LAYOUT, "batches", name, repr(row))
        self._database.execute(
            "INSERT INTO set_aside SELECT 'items', batch, source || char(10) || target, ?"
            " FROM items WHERE CAST(batch AS BLOB) = ?",
            (time.time(), name),
        )
        self._database.execute("DELETE FROM batches WHERE CAST(id AS BLOB) = ?", (name,))

    def _put_header(self, header: Header) -> None:
        self._database.execute(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " state = excluded.state, updated_at = excluded.updated_at, events = excluded.events",
            (
                header.id,
                header.number,
                codec.dumps(header.request).decode(),
                header.state.value,
                header.created_at,
                header.updated_at,
                header.events,
            ),
        )

    def _add(self, header: Header, index: int, file: BatchFile) -> None:
        try:
            self._database.execute(
                "INSERT INTO items VALUES (?, ?, ?, ?, ?, 0, NULL, NULL, ?, ?, ?)",
                (
                    header.id,
                    index,
                    file.source,
                    file.target,
                    FileState.WAITING.value,
                    header.events,
                    same_place(file.source),
                    same_place(file.target),
                ),
            )
        except sqlite3.IntegrityError as error:
            raise UsageError(
                f"Two files would become {file.target}; other names keep them apart."
            ) from error

    def _require_apart(self, batch: str, start: int) -> None:
        """Refuse results, new ones or of new sources, that would replace a source."""
        for newer in ("a", "b"):
            older = "b" if newer == "a" else "a"
            rows = self._database.execute(
                f"SELECT a.target FROM items {newer} CROSS JOIN items {older}"  # noqa: S608
                " ON b.batch = a.batch AND b.source_key = a.target_key"
                f" WHERE {newer}.batch = ? AND {newer}.place >= ? LIMIT 1",
                (batch, start),
            )
            for (target,) in rows:
                raise UsageError(
                    f"A result would replace {target}, which is to be upscaled itself."
                )


def _header(name: bytes, row: Sequence[Any]) -> Header | None:
    """Return a batch; None = it cannot be read."""
    number, request, state, created_at, updated_at, events = row
    try:
        return Header(
            name.decode(),
            int(number),
            codec.loads(BatchRequest, request.encode()),
            BatchState(state),
            float(created_at),
            float(updated_at),
            int(events),
        )
    except (AttributeError, TypeError, ValueError) as error:
        _log.error("A batch cannot be read: %s", error)
        return None


def _problem(text: Any) -> Problem | None:  # noqa: ANN401 - whatever the row holds
    if text is None:
        return None
    try:
        return codec.loads(Problem, str(text).encode())
    except codec.Malformed:
        return _DAMAGED


def _item(row: Sequence[Any]) -> BatchItem:
    index, source, target, state, seconds, problem, job, changed = row
    return BatchItem(
        index=index,
        source=source,
        target=target,
        state=FileState(state),
        seconds=seconds,
        problem=_problem(problem),
        job=job,
        changed=changed,
    )
