"""A SQLite file that survives a power cut. What cannot be read is set aside, never an error.

A damaged file, or one of a later version, is renamed whole. A damaged row moves into the table
``set_aside`` of the same file.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.base.errors import DiskFull, EngineError, OutputError
from scalediff_engine.client.files import make_private

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
