"""Which engine a dialog talks to: the one that opened it, and another one if that has gone."""

from __future__ import annotations

from scalediff_engine.client.client import Client
from scalediff_engine.client.errors import ClientError
from scalediff_engine.client.places import EngineRecord, Places, read_engine
from scalediff_engine.client.start import find, find_or_start


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
