"""How the engine is, asked now and then without ever starting one."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Optional

from .client.client import Client
from .client.errors import ClientError
from .client.messages import Health, JobInfo, JobState
from .client.places import Places
from .client.start import find

_SECONDS = 5.0


@dataclass(frozen=True)
class EngineStatus:
    """How the engine is.

    Attributes:
        health: none = there is no engine, or none that answers
        job: one that runs
        problem: why it cannot be used though it is there
    """

    health: Optional[Health] = None
    job: Optional[JobInfo] = None
    problem: str = ""


class StatusReader:
    """Asks in a thread; whoever wants to know looks whether there is an answer.

    Attributes:
        status: the newest answer; none = nobody asked yet

    Args:
        places: where the engine lives
    """

    def __init__(self, places: Places) -> None:
        self.status: Optional[EngineStatus] = None
        self._places = places
        self._thread: Optional[threading.Thread] = None

    def ask(self) -> None:
        """Ask, unless somebody is asking."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="scalediff-status", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        self.status = read_status(self._places)


def read_status(places: Places) -> EngineStatus:
    """Ask the engine, if there is one."""
    try:
        record = find(places)
        if record is None:
            return EngineStatus()
        found = record
        client = Client(lambda: found, timeout_seconds=_SECONDS)
        health, job = client.health(), None
        if health.running:
            with suppress(ClientError):
                running = (one for one in client.each_job() if one.state is JobState.RUNNING)
                job = next(running, None)
        return EngineStatus(health, job)
    except ClientError as error:
        return EngineStatus(problem=error.problem.message)
