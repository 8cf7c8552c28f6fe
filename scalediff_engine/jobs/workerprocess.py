"""The worker as the engine sees it: a process that takes orders, gives news, and may go away."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from scalediff_engine.base import running_time
from scalediff_engine.base.process import Child, Program
from scalediff_engine.client.codec import Malformed
from scalediff_engine.jobs.protocol import News, Order, from_line, to_line

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
