"""The composition root: the real engine and its application, for ``serve``."""

from __future__ import annotations

from typing import Any

from scalediff_engine.server.app import create_app
from scalediff_engine.server.engine import Engine, build_engine
from scalediff_engine.server.lifecycle import Pulse
from scalediff_engine.server.serve import Door


class HostedEngine:
    """An engine behind its application.

    Attributes:
        engine: what works
        app: what answers; its lifespan starts and closes the engine
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.app: Any = create_app(engine)

    def pulse(self) -> Pulse:
        """Tell what there is to do."""
        return self.engine.pulse()

    def leave(self) -> None:
        """End the event streams, then the server."""
        self.engine.leave()


def host_engine(door: Door) -> HostedEngine:
    """Put the real engine behind a door.

    Raises:
        EngineError: the list of jobs cannot be opened.
    """
    engine = build_engine(door.home, door.token)
    engine.port = door.port
    engine.on_leave = door.stop
    return HostedEngine(engine)
