"""Jobs and their events in one SQLite file that survives a pulled plug."""

from __future__ import annotations

import json
from pathlib import Path

from scalediff_engine.client import codec
from scalediff_engine.client.messages import JobEvent
from scalediff_engine.jobs.database import Layout, opened, writing
from scalediff_engine.jobs.record import Record

_LAYOUT = Layout(
    "The list of jobs",
    1,
    """
CREATE TABLE jobs (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
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
        file: made if it is not there; a damaged one is put aside

    Raises:
        EngineError: it was written by a later version of the program, or cannot be opened.
    """

    def __init__(self, file: Path) -> None:
        self._database = opened(file, _LAYOUT)

    def close(self) -> None:
        """Fold everything into the one file."""
        self._database.close()

    def records(self) -> list[Record]:
        """All jobs."""
        rows = self._database.execute("SELECT body FROM jobs")
        return [_record(body) for (body,) in rows]

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
        """The events of a job that come after a number, in their order."""
        rows = self._database.execute(
            "SELECT body FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
            (job, after, limit),
        )
        return [codec.loads(JobEvent, body.encode()) for (body,) in rows]


def _body(record: Record) -> str:
    found = codec.to_object(record)
    return json.dumps(found, ensure_ascii=False)


def _record(body: str) -> Record:
    return codec.loads(Record, body.encode())
