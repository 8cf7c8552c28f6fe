"""What a dialog is opened for, as the engine or a user says it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, cast

from scalediff_engine.client.messages import PROTOCOL, Purpose
from scalediff_engine.client.places import EngineRecord

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
        theme: what the editor looks like; none = not said
        language: that the editor speaks; none = not said
        purpose: what the dialog is for
    """

    session: str
    engine: EngineRecord | None = None
    home: Path | None = None
    theme: str | None = None
    language: str | None = None
    purpose: Purpose = Purpose.UPSCALE


@dataclass(frozen=True)
class FileOpening:
    """A picture file."""

    file: Path


@dataclass(frozen=True)
class FolderOpening:
    """Many pictures.

    Attributes:
        paths: absolute, of folders and files
    """

    paths: tuple[Path, ...]


@dataclass(frozen=True)
class StartOpening:
    """Nothing yet: the user is asked."""


class Room(Enum):
    """The windows beside the upscale."""

    MODELS = "models"
    RECENT = "recent"
    WELCOME = "welcome"


@dataclass(frozen=True)
class RoomOpening:
    """One of the windows beside the upscale.

    Attributes:
        room: which
        session: of an editor that waits for a recent result; none = nobody does
    """

    room: Room
    session: SessionOpening | None = None


Opening = SessionOpening | FileOpening | FolderOpening | RoomOpening | StartOpening


def opening_of(paths: Sequence[Path]) -> FileOpening | FolderOpening:
    """Give what opens for files and folders: one file by itself, all else as a list."""
    if len(paths) == 1 and paths[0].is_file():
        return FileOpening(paths[0].absolute())
    return FolderOpening(tuple(path.absolute() for path in paths))


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
    pid = fields.get("pid")
    record = EngineRecord(
        pid=pid if isinstance(pid, int) else 0,
        port=port,
        token=token,
        protocol=PROTOCOL,
        version="",
        started_at=0.0,
    )
    home = fields.get("home")
    theme, language = fields.get("theme"), fields.get("language")
    is_recent = fields.get("purpose") == Purpose.RECENT.value
    return SessionOpening(
        session,
        record,
        Path(home) if isinstance(home, str) else None,
        theme if isinstance(theme, str) else None,
        language if isinstance(language, str) else None,
        Purpose.RECENT if is_recent else Purpose.UPSCALE,
    )
