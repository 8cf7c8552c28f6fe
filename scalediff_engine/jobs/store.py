"""Jobs and their events in one SQLite file that survives a pulled plug."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from scalediff_engine.errors import DiskFull, EngineError, OutputError
from scalediff_engine.jobs.record import Record
from scalediff_engine.wire import codec
from scalediff_engine.wire.messages import JobEvent

_log = logging.getLogger(__name__)

_VERSION = 1
_SCHEMA = """
CREATE TABLE jobs (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
"""


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
        try:
            self._database = _opened(file)
        except sqlite3.OperationalError as error:
            raise EngineError(f"The list of jobs, {file}, cannot be opened: {error}.") from error

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
        with _sentences(), self._database:
            # outside of a transaction it holds from the next one on
            self._database.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._database.execute("BEGIN IMMEDIATE")
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
        with _sentences(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def events(self, job: str, after: int, limit: int) -> list[JobEvent]:
        """The events of a job that come after a number, in their order."""
        rows = self._database.execute(
            "SELECT body FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
            (job, after, limit),
        )
        return [codec.loads(JobEvent, body.encode()) for (body,) in rows]


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _connected(file)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        aside = file.with_name(f"{file.name}.damaged-{int(time.time())}")
        _log.error("The list of jobs is damaged (%s); it is kept as %s", error, aside.name)
        for path in _all_files(file):
            path.rename(path.with_name(path.name.replace(file.name, aside.name)))
        return _connected(file)


def _connected(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, isolation_level=None, timeout=10)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA foreign_keys=ON")
        ((found,),) = database.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        ((version,),) = database.execute("PRAGMA user_version").fetchall()
        if version > _VERSION:
            raise EngineError(
                f"The list of jobs, {file}, is of format {version} and this program knows "
                f"{_VERSION}: it belongs to a later version, which is the one to start."
            )
        if version == 0:
            database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT;")
    except BaseException:
        database.close()
        raise
    return database


def _all_files(file: Path) -> Iterator[Path]:
    for ending in ("", "-wal", "-shm"):
        path = file.with_name(file.name + ending)
        if path.exists():
            yield path


@contextmanager
def _sentences() -> Generator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull("The disk is full: the list of jobs could not be written.") from error
        raise OutputError(f"The list of jobs could not be written: {error}.") from error


def _body(record: Record) -> str:
    found = codec.to_object(record)
    return json.dumps(found, ensure_ascii=False)


def _record(body: str) -> Record:
    return codec.loads(Record, body.encode())
