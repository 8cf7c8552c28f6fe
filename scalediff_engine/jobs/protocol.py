"""What the engine and its worker process say to each other: one JSON object a line.

Orders go to the worker's standard input, news come from its standard output. The worker ends at
once when its input closes: whoever started it is gone, and the last checkpoint is on disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Optional

from scalediff_engine.client import codec
from scalediff_engine.client.messages import JobProgress, Problem, UpscaleSettings, Window


@dataclass(frozen=True)
class FileWork:
    """What a job of a folder reads and writes; the worker does both.

    Attributes:
        source: absolute path of the picture
        target: absolute path of the result; its suffix says the format
        replace: whether a file that is there already is replaced
        quality: of a lossy format, 1 to 100; None = the format's own
    """

    source: str
    target: str
    replace: bool = False
    quality: Optional[int] = None  # noqa: UP045 - ``client.codec`` reads it at run time


@dataclass(frozen=True)
class Run:
    """Order: do this job, from its checkpoint if there is one.

    Attributes:
        job: its id
        folder: its folder; the worker keeps all of its files there, see ``jobs.spool``
        image: the source's file, in the form of ``client.pixels``; empty if there is a ``file``
        settings: what is wanted
        file: a picture's own file, whose result is written to another, instead of an upload
        window: the part of the result that is wanted; none = all
    """

    job: str
    folder: str
    image: str
    settings: UpscaleSettings
    file: Optional[FileWork] = None  # noqa: UP045 - ``client.codec`` reads it at run time
    window: Optional[Window] = None  # noqa: UP045


@dataclass(frozen=True)
class Stop:
    """Order: leave the job that runs within one step.

    Attributes:
        keep: save a checkpoint first, since it will go on later
    """

    job: str
    keep: bool


@dataclass(frozen=True)
class Ready:
    """News: the worker waits for work."""


@dataclass(frozen=True)
class Alive:
    """News, every second, also while something long is computed."""


@dataclass(frozen=True)
class Loading:
    """News: a model is being loaded, or has been."""

    job: str
    done: bool = False


@dataclass(frozen=True)
class Measured:
    """News: the job's sizes, in pixels; of a file only the worker knows them.

    Attributes:
        source_width, source_height: of the picture, upright
        width, height: of the result
    """

    job: str
    source_width: int
    source_height: int
    width: int
    height: int


@dataclass(frozen=True)
class Advanced:
    """News: a piece of the job was done."""

    job: str
    progress: JobProgress


@dataclass(frozen=True)
class Done:
    """News: the result lies in the job's folder, or is the file that was asked for."""

    job: str
    recipe: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stopped:
    """News: the job was left, as ordered."""

    job: str


@dataclass(frozen=True)
class Failed:
    """News: the job cannot be done."""

    job: str
    problem: Problem


Order = Run | Stop
News = Ready | Alive | Loading | Measured | Advanced | Done | Stopped | Failed

_KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (Run, Stop, Ready, Alive, Loading, Measured, Advanced, Done, Stopped, Failed)
}


def to_line(message: Order | News) -> bytes:
    """Give a message as a line, with its end."""
    name = type(message).__name__.lower()
    found = {"is": name} | codec.to_object(message)
    # in ASCII, whose escapes keep paths that are not UTF-8
    return json.dumps(found).encode() + b"\n"


def from_line(line: bytes) -> Order | News:
    """Read a line.

    Raises:
        codec.Malformed: it is no message.
    """
    try:
        found = json.loads(line)
        kind = _KINDS[found["is"]]
    except (ValueError, KeyError, TypeError) as error:
        raise codec.Malformed("A line of the worker's is no message.") from error
    return codec.from_object(kind, found)
