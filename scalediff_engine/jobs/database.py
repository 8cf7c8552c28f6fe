"""SQLite files that survive a power cut, and the store of jobs and their events in one.

A damaged file, or one of a later version, is renamed whole. A damaged row moves into the table
``set_aside`` of the same file.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from scalediff_engine.base.errors import DiskFull, EngineError, OutputError
from scalediff_engine.client import codec
from scalediff_engine.client.files import make_private
from scalediff_engine.client.messages import JobEvent
from scalediff_engine.jobs.record import Record

_log = logging.getLogger(__name__)

# In the name of a file that is set aside.
DAMAGED = ".damaged-"

_SET_ASIDE = """
CREATE TABLE IF NOT EXISTS set_aside (
    source TEXT NOT NULL,
    name BLOB,
    body BLOB,
    moved_at REAL NOT NULL
);
"""


@dataclass(frozen=True)
class Layout:
    """What a file of ours holds.

    Attributes:
        name: for people, such as "The list of jobs"
        version: of the tables
        schema: creates those tables that are missing
    """

    name: str
    version: int
    schema: str


def opened(file: Path, layout: Layout) -> sqlite3.Connection:
    """Open a database, for one thread at a time.

    Create the file if it is missing. Set it aside and begin a new one if it is damaged, holds other
    tables, or belongs to a later version of the program.

    Raises:
        EngineError: the file can be neither opened nor renamed.
    """
    try:
        make_private(file.parent)
        # SQLite gives its other files the mode of this one
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        file.chmod(0o600)
        try:
            return _connected(file, layout)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error, file):
                raise
            _set_file_aside(file, layout, error)
            return _connected(file, layout)
    except (OSError, sqlite3.DatabaseError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EngineError(
            f"{layout.name}, {file}, cannot be opened: {reason}. Check that the disk has free "
            "space and that the folder can be written."
        ) from error


def set_row_aside(
    database: sqlite3.Connection, layout: Layout, table: str, name: object, body: object
) -> None:
    """Keep what an unreadable row of a table holds; the caller removes the row.

    Call it inside ``writing``.
    """
    _log.error("%s has a record in %r that cannot be read; it is set aside", layout.name, table)
    database.execute("INSERT INTO set_aside VALUES (?, ?, ?, ?)", (table, name, body, time.time()))


@contextmanager
def writing(
    database: sqlite3.Connection, layout: Layout, *, durable: bool = True
) -> Generator[None]:
    """Change a database, all of it or nothing.

    Args:
        database: from ``opened``
        layout: of it
        durable: whether it is on the disk when the block ends; otherwise it may be lost with the
            power, never with a process

    Raises:
        OutputError: it cannot be written, with DiskFull for want of room; nothing has changed.
    """
    with sentences(layout), database:
        # outside of a transaction it holds from the next one on
        database.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        database.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def sentences(layout: Layout) -> Generator[None]:
    """Turn what SQLite says into an ``OutputError``."""
    try:
        yield
    except sqlite3.IntegrityError:  # a bug, or the caller's to explain
        raise
    except sqlite3.DatabaseError as error:
        if _code(error) == sqlite3.SQLITE_FULL:
            raise DiskFull(f"The disk is full: {_inside(layout)} could not be written.") from error
        raise OutputError(f"{layout.name} could not be written: {error}.") from error


def _inside(layout: Layout) -> str:
    """The name in the middle of a sentence."""
    return layout.name[0].lower() + layout.name[1:]


def _connected(file: Path, layout: Layout) -> sqlite3.Connection:
    """Open the file.

    Raises:
        sqlite3.DatabaseError: it cannot be opened, or is no database of this layout.
    """
    database = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
    # a flipped bit in one text must not make all rows unreadable
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA foreign_keys=ON")
        ((found,),) = database.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        ((version,),) = database.execute("PRAGMA user_version").fetchall()
        if version > layout.version:
            raise sqlite3.DatabaseError(
                f"it has format {version} of a later version, this program knows {layout.version}"
            )
        database.executescript(
            f"BEGIN; {layout.schema} {_SET_ASIDE} PRAGMA user_version={layout.version}; COMMIT;"
        )
        _require_tables(database, layout)
    except BaseException:
        database.close()
        raise
    return database


def _require_tables(database: sqlite3.Connection, layout: Layout) -> None:
    """Raise `sqlite3.DatabaseError` unless the tables have the columns of the layout."""
    model = sqlite3.connect(":memory:")
    try:
        model.executescript(layout.schema + _SET_ASIDE)
        tables = model.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            columns = f"PRAGMA table_info({table})"
            if database.execute(columns).fetchall() != model.execute(columns).fetchall():
                raise sqlite3.DatabaseError(f"its table {table} has other columns")
    finally:
        model.close()


def _is_damage(error: sqlite3.DatabaseError, file: Path) -> bool:
    """Whether the file is at fault, not the disk or the rights to it."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    code = _code(error)
    if code == sqlite3.SQLITE_READONLY:  # SQLite says so of a damaged header too
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    return code == sqlite3.SQLITE_ERROR


def _code(error: sqlite3.Error) -> int:
    """The primary result code; of errors that Python raises itself, that of damage."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


def _set_file_aside(file: Path, layout: Layout, error: sqlite3.DatabaseError) -> None:
    name, number = f"{file.name}{DAMAGED}{int(time.time())}", 1
    aside = file.with_name(name)
    while aside.exists():
        number += 1
        aside = file.with_name(f"{name}-{number}")
    _log.error("%s cannot be read (%s); it is kept as %s", layout.name, error, aside.name)
    for path in _all_files(file):
        path.rename(path.with_name(path.name.replace(file.name, aside.name)))


def _all_files(file: Path) -> Iterator[Path]:
    for ending in ("", "-wal", "-shm"):
        path = file.with_name(file.name + ending)
        if path.exists():
            yield path


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
