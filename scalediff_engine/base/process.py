"""A child process: started with a log, sent lines, and ended."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scalediff_engine.base import running_time
from scalediff_engine.client.files import make_private, open_private

_log = logging.getLogger(__name__)

LONGEST_LINE = 4 * 2**20
_LOG_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Program:
    """How a program of ours is started and ended.

    Attributes:
        argv: the program and its arguments; other users can see them, so they hold no token
        log: the file that its standard error goes to
        last_words_s: running time to end by itself once its standard input is closed
        environment: variables; None = this process's own
    """

    argv: Sequence[str]
    log: Path
    last_words_s: float = 3.0
    environment: Mapping[str, str] | None = None


class Child:
    """A process that reads lines and ends when its standard input does.

    Attributes:
        log: the file that its standard error goes to
        log_start: where its part of the log begins, in bytes
    """

    def __init__(
        self, program: Program, process: asyncio.subprocess.Process, log_start: int
    ) -> None:
        self._program = program
        self._process = process
        self.log = program.log
        self.log_start = log_start

    @classmethod
    async def start(
        cls,
        program: Program,
        *,
        environment: Mapping[str, str] | None = None,
        logs_output: bool = False,
        rotates_log: bool = False,
        own_session: bool = True,
    ) -> Child:
        """Start it.

        Args:
            program: what
            environment: variables, in place of the program's
            logs_output: whether its standard output goes to the log too, and not to ``lines``
            rotates_log: whether a large log is set aside first; only one process may use it then
            own_session: whether Ctrl-C in the terminal of this process does not reach it

        Raises:
            OSError: there is no such program, or no room for another process.
        """
        environment = environment or program.environment
        make_private(program.log.parent)
        if rotates_log:
            with suppress(OSError):
                if program.log.stat().st_size > _LOG_BYTES:
                    program.log.replace(program.log.with_name(program.log.name + ".1"))
        with open_private(program.log) as log:
            log_start = log.seek(0, 2)
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=subprocess.PIPE,
                stdout=log if logs_output else subprocess.PIPE,
                stderr=log,
                env=None if environment is None else dict(environment),
                start_new_session=own_session,
                limit=LONGEST_LINE,
            )
        return cls(program, process, log_start)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def lines(self) -> asyncio.StreamReader:
        """What it writes to its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    def send(self, line: bytes) -> None:
        """Write to its standard input; one that has ended reads nothing."""
        assert self._process.stdin is not None
        with suppress(OSError, RuntimeError):
            self._process.stdin.write(line)

    def close_input(self) -> None:
        """Ask it to end."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def terminate(self) -> None:
        """Ask it to end with a signal."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        """Wait until it has ended; return its exit status."""
        return await self._process.wait()

    async def end(self, *, terminates: bool = False) -> int:
        """Close its standard input and return its exit status; kill it if it does not end.

        Args:
            terminates: whether it is asked once more, with a signal, before it is killed
        """
        self.close_input()
        for insist in (self.terminate, self.kill) if terminates else (self.kill,):
            with suppress(TimeoutError):
                return await running_time.wait_for(self.wait(), self._program.last_words_s)
            _log.warning("Process %d does not end by itself", self.pid)
            insist()
        return await self.wait()
