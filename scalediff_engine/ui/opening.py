"""What a dialog is opened for, as the engine or a user says it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from scalediff_engine.wire.messages import PROTOCOL
from scalediff_engine.wire.places import EngineRecord

_MAX_PORT = 65535


class NotTold(Exception):
    """What came by the standard input is not what the engine says."""


@dataclass(frozen=True)
class SessionOpening:
    """An editor's session.

    Attributes:
        session: its id
        engine: who opened the dialog; none = whichever runs
        home: its folder; none = not said
    """

    session: str
    engine: EngineRecord | None = None
    home: Path | None = None


@dataclass(frozen=True)
class FileOpening:
    """A picture file."""

    file: Path


Opening = SessionOpening | FileOpening


def read_told(line: bytes) -> SessionOpening:
    """Read the line by which the engine says what a dialog is for.

    Raises:
        NotTold: it makes no sense.
    """
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotTold("The engine said nothing that makes sense.") from error
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    session, port, token = (fields.get(name) for name in ("session", "port", "token"))
    if not isinstance(session, str) or not isinstance(token, str):
        raise NotTold("The engine did not say which session this is.")
    if not isinstance(port, int) or not 0 < port <= _MAX_PORT:
        raise NotTold("The engine did not say where it is.")
    record = EngineRecord(
        pid=0, port=port, token=token, protocol=PROTOCOL, version="", started_at=0.0
    )
    home = fields.get("home")
    return SessionOpening(session, record, Path(home) if isinstance(home, str) else None)
