"""Which engine a dialog talks to, and whether the session that it is for goes on.

The engine is the one that opened the dialog, or another one if that has gone. The standard input is
a sign of life: it ends when the session or the engine does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from enum import Enum

from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import ClientError, NotFound
from scalediff_engine.client.places import EngineRecord, Places, read_engine
from scalediff_engine.client.start import find, find_or_start
from scalediff_engine.ui.workers import Ticket, Workers

_BYTES = 4096
_ANSWER_SECONDS = 2.0


class Finder:
    """Finds the engine for a client; for several threads.

    Args:
        places: where an engine of this user lives
        told: the one that opened the dialog
    """

    def __init__(self, places: Places, told: EngineRecord | None = None) -> None:
        self._places = places
        self._told = told

    def __call__(self) -> EngineRecord:
        """Give the engine that opened the dialog the first time, later the one that runs.

        Raises:
            ClientError: there is none, and none can be started.
        """
        told, self._told = self._told, None
        return find_or_start(self._places) if told is None else told

    def is_there(self) -> bool:
        """Tell whether an engine answers; starts none."""
        try:
            return find(self._places) is not None
        except ClientError:
            return False

    def is_running(self, told: EngineRecord) -> bool:
        """Tell whether the process of this engine is there, whether it answers or not."""
        try:
            record = read_engine(self._places)
        except ClientError:
            return False
        return record is not None and record.port == told.port

    def client(self) -> Client:
        """Give a client that asks whichever engine this finds."""
        return Client(self)


class Ended(Enum):
    """Why the standard input has ended."""

    SESSION = "session"
    ENGINE = "engine"


def attach(
    workers: Workers,
    descriptor: int,
    finder: Finder,
    told: EngineRecord,
    session_id: str,
    *,
    over: Callable[[], None],
    lost: Callable[[], None],
) -> Ticket:
    """Wait for the end of a file, and then find out what has become of the session.

    Args:
        workers: threads
        descriptor: of the file
        finder: of engines
        told: the engine that opened the session
        session_id: of the session
        over: called when the session has ended, or the engine in good order: so does the dialog
        lost: called when the engine has gone without a word; the job goes on in the next one
    """

    def work(_: Ticket, say: Callable[[Ended], None]) -> None:
        with suppress(OSError):
            while os.read(descriptor, _BYTES):
                pass
        say(why(finder, told, session_id))

    def tell(ended: Ended) -> None:
        if ended is Ended.SESSION:
            over()
        else:
            lost()

    return workers.follow(work, tell, _nothing, _ignore)


def why(finder: Finder, told: EngineRecord, session_id: str) -> Ended:
    """Ask the engine that opened the session, and start no other one: it may be about to end."""
    client = Client(lambda: told, timeout_seconds=_ANSWER_SECONDS)
    try:
        client.session(session_id)
    except NotFound:
        return Ended.SESSION
    except ClientError:
        # one that ends in good order does not answer any more, and is still there
        return Ended.SESSION if finder.is_running(told) else Ended.ENGINE
    return Ended.SESSION


def _nothing() -> None: ...


def _ignore(_: Exception) -> None: ...
