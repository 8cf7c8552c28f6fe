"""The worker as the engine sees it: a process that takes orders, gives news, and may go away."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from scalediff_engine.client.codec import Malformed
from scalediff_engine.client.files import make_private, open_private
from scalediff_engine.jobs import running_time
from scalediff_engine.jobs.protocol import News, Order, from_line, to_line

_log = logging.getLogger(__name__)

_LONGEST_LINE = 4 * 2**20
_LOG_BYTES = 2 * 2**20
_LAST_WORDS_S = 5.0


@dataclass(frozen=True)
class WorkerProgram:
    """How a worker is started, and how long it may keep silent.

    Attributes:
        argv: the program and its arguments
        log: where its standard error goes; the one before is kept beside it
        silence_s: running time without a line until it counts as gone; it sends one every second
        environment: variables; None = this process's own
    """

    argv: Sequence[str]
    log: Path
    silence_s: float = 60.0
    environment: Mapping[str, str] | None = None


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
    _process: asyncio.subprocess.Process | None = None
    _task: asyncio.Task[None] | None = None
    _silent: bool = False
    _ending: bool = field(default=False)

    @property
    def pid(self) -> int | None:
        """Of the process; None before it is there."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process.

        Raises:
            OSError: there is no such program, or no room for another process.
        """
        with _opened_log(self.program.log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=None if self.program.environment is None else dict(self.program.environment),
                limit=_LONGEST_LINE,
            )
        self._task = asyncio.create_task(self._listen())

    def send(self, order: Order) -> None:
        """Give an order; one that has gone away hears nothing."""
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(OSError, RuntimeError):
            self._process.stdin.write(to_line(order))

    def kill(self) -> None:
        """End it on the spot; ``gone`` hears of it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def end(self, patience_s: float = 5.0) -> None:
        """Let it go, and wait until it has gone."""
        self._ending = True
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await running_time.wait_for(self._process.wait(), patience_s)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        if self._task is not None:
            await self._task

    async def _listen(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            async with running_time.Timeout(self.program.silence_s) as silence:
                while line := await process.stdout.readline():
                    silence.restart()
                    self._take(line)
        except TimeoutError:
            self._silent = True
        except ValueError:  # a line without an end
            _log.exception("The worker's news cannot be read")
        status = await self._status(process)
        how = _in_words(status, silent_s=self.program.silence_s * self._silent)
        if not self._ending:
            _log.warning("The worker %s", how)
            self.gone(how)

    async def _status(self, process: asyncio.subprocess.Process) -> int:
        """The end of a process that says nothing any more, by itself if it is quick."""
        if not self._silent:
            with suppress(TimeoutError):
                return await asyncio.wait_for(process.wait(), _LAST_WORDS_S)
        self.kill()
        return await process.wait()

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


def _opened_log(file: Path) -> IO[bytes]:
    make_private(file.parent)
    with suppress(OSError):
        if file.stat().st_size > _LOG_BYTES:
            file.replace(file.with_name(file.name + ".1"))
    return open_private(file)
