"""A SQLite file that survives a pulled plug, and is put aside if it is damaged."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.base.errors import DiskFull, EngineError, OutputError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layout:
    """What a file of ours holds.

    Attributes:
        name: for people, such as "The list of jobs"
        version: of the tables
        schema: that makes them
    """

    name: str
    version: int
    schema: str


def opened(file: Path, layout: Layout) -> sqlite3.Connection:
    """Open a database, for one thread at a time.

    It is made if it is not there, and put aside if it is damaged.

    Raises:
        EngineError: it was written by a later version of the program, or cannot be opened.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _connected(file, layout)
    except sqlite3.OperationalError as error:
        raise EngineError(f"{layout.name}, {file}, cannot be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        aside = file.with_name(f"{file.name}.damaged-{int(time.time())}")
        _log.error("%s is damaged (%s); it is kept as %s", layout.name, error, aside.name)
        for path in _all_files(file):
            path.rename(path.with_name(path.name.replace(file.name, aside.name)))
        return _connected(file, layout)


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
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull(f"The disk is full: {_inside(layout)} could not be written.") from error
        raise OutputError(f"{layout.name} could not be written: {error}.") from error


def _inside(layout: Layout) -> str:
    """The name in the middle of a sentence."""
    return layout.name[0].lower() + layout.name[1:]


def _connected(file: Path, layout: Layout) -> sqlite3.Connection:
    database = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA foreign_keys=ON")
        ((found,),) = database.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        ((version,),) = database.execute("PRAGMA user_version").fetchall()
        if version > layout.version:
            raise EngineError(
                f"{layout.name}, {file}, is of format {version} and this program knows "
                f"{layout.version}: it belongs to a later version, which is the one to start."
            )
        if version == 0:
            database.executescript(
                f"BEGIN; {layout.schema} PRAGMA user_version={layout.version}; COMMIT;"
            )
    except BaseException:
        database.close()
        raise
    return database


def _all_files(file: Path) -> Iterator[Path]:
    for ending in ("", "-wal", "-shm"):
        path = file.with_name(file.name + ending)
        if path.exists():
            yield path
