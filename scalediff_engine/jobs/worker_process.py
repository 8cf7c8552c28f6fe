"""The worker process as the engine sees it, and the messages between them: one JSON object a line.

Commands go to the worker's standard input, events come from its standard output. The worker ends at
once when its input closes: its parent is gone, and the last checkpoint is on disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Optional

from scalediff_engine.base import running_time
from scalediff_engine.base.process import Child, Program
from scalediff_engine.client import codec
from scalediff_engine.client.codec import Malformed
from scalediff_engine.client.messages import JobProgress, Problem, UpscaleSettings, Window

_log = logging.getLogger(__name__)

_LAST_WORDS_S = 5.0


@dataclass(frozen=True)
class WorkerProgram(Program):
    """A worker, and how long it may keep silent.

    Attributes:
        last_words_s: see ``Program``
        silence_s: running time without a line until it counts as gone; it sends one every second
    """

    last_words_s: float = 5.0
    silence_s: float = 60.0


@dataclass
class WorkerProcess:
    """One process, from its start to its end.

    Attributes:
        program: what is started
        hear: takes each piece of news
        gone: told once, when the process has ended, how; not after ``end``
    """

    program: WorkerProgram
    hear: Callable[[News], None]
    gone: Callable[[str], None]
    _child: Child | None = None
    _task: asyncio.Task[None] | None = None
    _silent: bool = False
    _ending: bool = False

    @property
    def pid(self) -> int | None:
        """Of the process; None before it is there."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Start the process.

        Raises:
            OSError: there is no such program, or no room for another process.
        """
        child = await Child.start(self.program, rotates_log=True, own_session=False)
        self._child = child
        self._task = asyncio.create_task(self._listen(child))

    def send(self, order: Order) -> None:
        """Give an order; one that has gone away hears nothing."""
        assert self._child is not None
        self._child.send(to_line(order))

    def kill(self) -> None:
        """End it on the spot; ``gone`` hears of it."""
        if self._child is not None:
            self._child.kill()

    async def end(self) -> None:
        """Let it go, and wait until it has gone."""
        self._ending = True
        if self._child is not None:
            await self._child.end()
        if self._task is not None:
            await self._task

    async def _listen(self, child: Child) -> None:
        try:
            async with running_time.Timeout(self.program.silence_s) as silence:
                while line := await child.lines.readline():
                    silence.restart()
                    self._take(line)
        except TimeoutError:
            self._silent = True
        except ValueError:  # a line without an end
            _log.exception("The worker's news cannot be read")
        status = await self._status(child)
        how = _in_words(status, silent_s=self.program.silence_s * self._silent)
        if not self._ending:
            _log.warning("The worker %s", how)
            self.gone(how)

    async def _status(self, child: Child) -> int:
        """The end of a process that says nothing any more, by itself if it is quick."""
        if not self._silent:
            with suppress(TimeoutError):
                return await asyncio.wait_for(child.wait(), _LAST_WORDS_S)
        child.kill()
        return await child.wait()

    def _take(self, line: bytes) -> None:
        try:
            news = from_line(line)
        except Malformed:
            _log.warning("The worker said something that is no news: %r", line[:80])
            return
        try:
            self.hear(news)  # type: ignore[arg-type] - orders only go the other way
        except Exception:  # noqa: BLE001 - whatever it was, the next news must be heard
            _log.exception("The worker's news was not taken")


def _in_words(status: int, *, silent_s: float) -> str:
    """How it ended, to follow "the process"."""
    if silent_s:
        return f"kept silent for {silent_s:.0f} s and was ended"
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        name = signal.Signals(-status).name
        return f"was ended by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
    return f"was ended by signal {-status}"


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
