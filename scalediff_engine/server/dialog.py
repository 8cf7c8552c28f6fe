"""The process that shows a dialog: how it is started, told of its end, and waited for."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalediff_engine.base.errors import UsageError
from scalediff_engine.client.files import make_private, open_private
from scalediff_engine.jobs import running_time

_log = logging.getLogger(__name__)

# How a program of ours begins the sentence that it ends with, and longer than any such.
_SPOKEN = "scalediff: "
_COMPLAINT_BYTES = 2000

# What says where windows open and in which language; nothing that makes a program load code.
_DISPLAY = re.compile(
    r"DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|DESKTOP_SESSION"
    r"|XDG_(RUNTIME_DIR|SESSION_TYPE|SESSION_ID|SESSION_DESKTOP|CURRENT_DESKTOP|ACTIVATION_TOKEN)"
    r"|LANG|LANGUAGE|LC_[A-Z]+|XMODIFIERS|QT_IM_MODULES?|GTK_IM_MODULE|XCURSOR_(SIZE|THEME)"
    r"|QT_(SCALE_FACTOR|SCREEN_SCALE_FACTORS|SCALE_FACTOR_ROUNDING_POLICY)"
    r"|QT_(AUTO_SCREEN_SCALE_FACTOR|ENABLE_HIGHDPI_SCALING|FONT_DPI)"
    r"|QT_QPA_PLATFORM(THEME)?"
)


def dialog_argv() -> list[str]:
    """How the dialog is started; what it must know comes in by its standard input."""
    return [sys.executable, "-P", "-m", "scalediff_engine", "dialog", "--session", "-"]


def dialog_environment(engine: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """Give the engine's variables, with the caller's display in place of the engine's.

    Raises:
        UsageError: a value has a null character in it.
    """
    shown = {name: value for name, value in caller.items() if _DISPLAY.fullmatch(name)}
    odd = [name for name, value in shown.items() if "\0" in value]
    if odd:
        raise UsageError(f"The variable {odd[0]} has a null character in it.")
    if not shown:
        return dict(engine)
    # half of the one display and half of the other would be neither
    own = {name: value for name, value in engine.items() if not _DISPLAY.fullmatch(name)}
    return own | shown


@dataclass(frozen=True)
class DialogProgram:
    """How dialogs are started and ended.

    Attributes:
        argv: the program; it gets neither the token nor anything else by its arguments
        log: what it writes goes here
        last_words_seconds: for it to end by itself, once told; and again once terminated
    """

    argv: Sequence[str]
    log: Path
    last_words_seconds: float = 3.0


@dataclass(frozen=True)
class Output:
    """What a dialog writes: a part of a log that dialogs share.

    Attributes:
        log: the file
        start: where its part begins, in bytes
    """

    log: Path
    start: int

    def complaint(self) -> str | None:
        """Give the last line if it is a sentence of the program's, without the program's name."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(self.start, file.seek(0, os.SEEK_END) - _COMPLAINT_BYTES))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return None
        last = next((line for line in reversed(lines) if line.strip()), "")
        _, found, sentence = last.partition(_SPOKEN)
        return sentence.strip() if found and last.startswith(_SPOKEN) else None


class Dialog:
    """A dialog's process.

    It is told what it is for by one line on its standard input, a JSON object with ``session``,
    ``port`` and ``token``, which other users cannot see as they can its arguments. When its
    standard input ends, so does the session: the engine says so, or has gone away.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, last_words_seconds: float, output: Output
    ) -> None:
        self._process = process
        self._last_words_seconds = last_words_seconds
        self._output = output

    @classmethod
    async def start(
        cls, program: DialogProgram, environment: Mapping[str, str], told: Mapping[str, str | int]
    ) -> Dialog:
        """Start it.

        Raises:
            OSError: there is no such program.
        """
        with _opened(program.log) as log:
            output = Output(program.log, log.seek(0, os.SEEK_END))
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C in the engine's terminal is not meant for it
            )
        assert process.stdin is not None
        process.stdin.write(json.dumps(dict(told)).encode() + b"\n")
        return cls(process, program.last_words_seconds, output)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def complaint(self) -> str | None:
        """Give the sentence that it ended with, as programs of ours write it; none = no such."""
        return self._output.complaint()

    async def wait(self) -> int:
        """Wait until it has ended; gives its exit status."""
        return await self._process.wait()

    async def end(self) -> None:
        """Tell it that its session is over, and see to it that it goes."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
            with suppress(OSError):
                await stdin.wait_closed()
        for insist in (self._process.terminate, self._process.kill):
            with suppress(TimeoutError):
                await running_time.wait_for(self._process.wait(), self._last_words_seconds)
                return
            _log.warning("A dialog does not end by itself")
            with suppress(ProcessLookupError):
                insist()
        await self._process.wait()


def _opened(file: Path) -> BinaryIO:
    make_private(file.parent)
    return open_private(file)
