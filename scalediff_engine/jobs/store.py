"""Jobs and their events in one SQLite file that survives a power cut."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from scalediff_engine.base.errors import OutputError
from scalediff_engine.client import codec
from scalediff_engine.client.messages import JobEvent
from scalediff_engine.jobs.database import Layout, opened, set_row_aside, writing
from scalediff_engine.jobs.record import Record

_log = logging.getLogger(__name__)

# More than any job has; a greater number is damage.
_MOST_EVENTS = 10**6

_LAYOUT = Layout(
    "The list of jobs",
    1,
    """
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
""",
)


class JobStore:
    """Keeps jobs on disk; for one thread.

    What changes a job's state is on the disk when ``put`` returns. Progress may be lost with the
    power, never with a process.

    Args:
        file: created if it is missing; one that cannot be read is set aside, see ``database``

    Raises:
        EngineError: it can be neither opened nor renamed.
    """

    def __init__(self, file: Path) -> None:
        self._database = opened(file, _LAYOUT)

    def close(self) -> None:
        """Fold everything into the one file."""
        self._database.close()

    def records(self) -> list[Record]:
        """Return all jobs; set those aside that cannot be read."""
        newest: dict[bytes, int] = dict(
            self._database.execute(
                "SELECT CAST(job AS BLOB), max(CAST(number AS INTEGER)) FROM events GROUP BY job"
            )
        )
        found: list[Record] = []
        damaged: list[tuple[bytes, bytes]] = []
        rows = self._database.execute("SELECT CAST(id AS BLOB), CAST(body AS BLOB) FROM jobs")
        for name, body in rows:
            try:
                record = _record(name, body)
            except codec.Malformed as error:
                _log.error("A job cannot be read: %s", error)
                damaged.append((name, body))
            else:
                found.append(_at_event(record, newest.get(name, 0)))
        self._set_aside(damaged)
        return found

    def put(self, record: Record, event: JobEvent | None = None, *, durable: bool = True) -> None:
        """Write a job, and what happened to it.

        Raises:
            OutputError: it cannot be written, with DiskFull for want of room; nothing has changed.
        """
        with writing(self._database, _LAYOUT, durable=durable):
            self._database.execute(
                "INSERT INTO jobs VALUES (?, ?)"
                " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (record.info.id, _body(record)),
            )
            if event is not None:
                self._database.execute(
                    "INSERT INTO events VALUES (?, ?, ?)",
                    (record.info.id, event.number, codec.dumps(event).decode()),
                )

    def remove(self, job: str) -> None:
        """Forget a job and its events."""
        with writing(self._database, _LAYOUT):
            self._database.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def events(self, job: str, after: int, limit: int) -> list[JobEvent]:
        """Return the readable events of a job that come after a number, in their order."""
        found: list[JobEvent] = []
        try:
            rows = self._database.execute(
                "SELECT CAST(body AS BLOB) FROM events WHERE job = ? AND number > ?"
                " ORDER BY number LIMIT ?",
                (job, after, limit),
            )
            for (body,) in rows:
                with suppress(codec.Malformed):
                    found.append(codec.loads(JobEvent, body))
        except sqlite3.DatabaseError as error:
            _log.error("The events of job %s cannot be read: %s", job, error)
        return found

    def _set_aside(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        try:
            for name, body in rows:
                with writing(self._database, _LAYOUT):
                    set_row_aside(self._database, _LAYOUT, "jobs", name, body)
                    self._database.execute("DELETE FROM jobs WHERE CAST(id AS BLOB) = ?", (name,))
        except OutputError as error:  # they are passed over until the next start
            _log.warning("Damaged records stay where they are: %s", error)


def _at_event(record: Record, newest: int) -> Record:
    """Return a job that goes on after its newest event, even if its own count is damaged."""
    if 0 < newest - record.info.events < _MOST_EVENTS:
        return replace(record, info=replace(record.info, events=newest))
    return record


def _body(record: Record) -> str:
    # escapes keep paths that are not UTF-8
    return json.dumps(codec.to_object(record))


def _record(name: bytes, body: bytes) -> Record:
    record = codec.loads(Record, body)
    if record.info.id.encode("utf-8", "replace") != name:
        raise codec.Malformed(f"Record.info.id is not {name!r}.")
    return record
