"""Finds the engine of this user, or starts it.

Two editors may do so at the same moment: both start one, one of the two finds the lock taken and
ends, and both editors find the other.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from .client import Client
from .environment import cleaned
from .errors import (
    EngineNotInstalled,
    EngineNotStarted,
    EngineUnreachable,
    Refused,
)
from .files import make_private, open_private
from .places import (
    HOME_VARIABLE,
    EngineRecord,
    Places,
    default_home,
    parse_command,
    read_command,
    read_engine,
)
from .transport import Channel

COMMAND_VARIABLE = "SCALEDIFF_COMMAND"
# The engine's exit code when there is one already; see ``errors.py`` of the engine.
RUNS_ALREADY = 9
START_SECONDS = 30.0
_HEALTH_SECONDS = 5.0
_ANOTHERS = 401
_POLL_SECONDS = 0.05
_RETRY_SECONDS = 0.5
# By a lock whose holder does not show itself: it is just starting, or the code means more.
_MOST_REFUSALS = 10
_MAX_LOG_BYTES = 1 << 20
_LAST_LINES = 400


def connect(home: Optional[Path] = None, *, start_seconds: float = START_SECONDS) -> Client:
    """Give a client whose engine is started whenever it is needed and not there.

    Raises:
        ClientError: there is none, and none can be started.
    """
    places = Places(default_home() if home is None else home)
    find_or_start(places, start_seconds=start_seconds)
    return Client(lambda: find_or_start(places, start_seconds=start_seconds))


def find(places: Places) -> Optional[EngineRecord]:
    """Give the engine that runs and answers; none if there is none.

    Raises:
        UnsafeEngineFile: somebody else could have written or read the file that leads to it.
        ProtocolMismatch: it speaks another version of the wire.
    """
    record = read_engine(places)
    if record is None:
        return None
    found = record
    try:
        Channel(lambda: found, timeout_seconds=_HEALTH_SECONDS).call(
            "GET", "/v1/health", lambda _: None
        )
    except EngineUnreachable:
        return None
    except Refused as error:
        if error.status == _ANOTHERS:
            return None  # an engine that died left the record, and somebody else has its port
        raise
    return record


def find_or_start(
    places: Places,
    *,
    start_seconds: float = START_SECONDS,
    environ: Optional[Mapping[str, str]] = None,
) -> EngineRecord:
    """Give the engine that runs, after starting one if there is none.

    Args:
        places: where it lives
        start_seconds: how long it may take to come up
        environ: what the engine inherits, after cleaning; ours if none

    Raises:
        EngineNotInstalled: nobody says how to start one.
        EngineNotStarted: it did not come up; the sentence names its log.
        ClientError: as ``find``.
    """
    environ = os.environ if environ is None else environ
    deadline = time.monotonic() + start_seconds
    process: Optional[subprocess.Popen[bytes]] = None
    refusals = 0
    while True:
        record = find(places)
        if record is not None:
            return record
        if time.monotonic() > deadline:
            raise EngineNotStarted(_silence(places, start_seconds))
        if process is None:
            process = _launch(find_command(places, environ), places, environ)
        time.sleep(_POLL_SECONDS)
        code = process.poll()
        if code is None:
            continue
        if code != RUNS_ALREADY or refusals == _MOST_REFUSALS:
            raise EngineNotStarted(
                f"The engine did not start (exit code {code}){_last_line(places.start_log)} "
                f"More is in {places.log}."
            )
        # One that can be seen is about to end, which may take it a while.
        refusals = 0 if read_engine(places) else refusals + 1
        process = None
        time.sleep(_RETRY_SECONDS)


def find_command(places: Places, environ: Mapping[str, str]) -> list[str]:
    """Give the command ``scalediff`` of this machine.

    Raises:
        EngineNotInstalled: nobody says what it is.
        UnsafeEngineFile: somebody else could have written the file that says it.
    """
    told = environ.get(COMMAND_VARIABLE, "").strip()
    if told:
        return _split(told)
    written = read_command(places)
    if written is not None and shutil.which(written[0]) is not None:
        return written
    on_path = shutil.which("scalediff", path=cleaned(environ).get("PATH", ""))
    if on_path is None:
        raise EngineNotInstalled(
            "The ScaleDiff engine is not installed: there is no command 'scalediff', and no "
            f"{places.command_file}. Install ScaleDiff and try again."
        )
    return [on_path]


def _split(told: str) -> list[str]:
    """Read a command: a JSON list, a program's path, or words as a shell has them."""
    words = parse_command(told.encode()) if told.startswith("[") else None
    if words is not None:
        return words
    return [told] if Path(told).is_file() else shlex.split(told, posix=os.name == "posix")


def _launch(
    command: list[str], places: Places, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start an engine that outlives us."""
    make_private(places.log)
    clean = cleaned(environ)
    clean[HOME_VARIABLE] = str(places.home)
    with open_private(places.start_log) as log:
        if log.tell() > _MAX_LOG_BYTES:
            log.truncate(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - the installed program
                [*command, "serve"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=places.home,
                env=clean,
                start_new_session=os.name == "posix",
                creationflags=_creation_flags(),
            )
        except OSError as error:
            raise EngineNotStarted(
                f"The engine did not start: {command[0]}: {error.strerror}."
            ) from error
    # Whoever starts a process must ask for its end, or it stays in the table of processes.
    threading.Thread(target=process.wait, name="scalediff-engine-end", daemon=True).start()
    return process


def _creation_flags() -> int:
    """Give what makes a process independent of ours and of its console, on Windows."""
    if sys.platform != "win32":
        return 0
    # With a console that nobody sees, rather than without one: else each program that the engine
    # starts would open a window of its own.
    return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP


def _last_line(log: Path) -> str:
    """Give what the engine said last, as the rest of a sentence."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_LINES))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return f": {lines[-1].strip().rstrip('.')}." if lines else "."


def _silence(places: Places, start_seconds: float) -> str:
    record = read_engine(places)
    if record is not None:
        return (
            f"An engine runs (process {record.pid}) but does not answer. End it and try again; "
            f"its log is {places.engine_log}."
        )
    return f"The engine did not start within {start_seconds:.0f} s. Its log is in {places.log}."
