from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from scalediff_engine.base.process import Child, Program

ECHO = "import sys; print('hello', file=sys.stderr); print(sys.stdin.read(), flush=True)"
STUBBORN = (
    "import signal, sys, threading; signal.signal(signal.SIGTERM, {}); print('ready', flush=True);"
    "threading.Event().wait()"
)
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def program(folder: Path, code: str, last_words_s: float = 20.0) -> Program:
    return Program([sys.executable, "-S", "-c", code], folder / "log" / "a.log", last_words_s)


def test_it_reads_lines_ends_with_its_input_and_logs_its_errors_for_the_owner_alone(
    tmp_path: Path,
) -> None:
    async def run() -> tuple[int, bytes]:
        child = await Child.start(program(tmp_path, ECHO))
        child.send(b"order\n")
        status = await child.end()
        child.send(b"too late")
        return status, await child.lines.read()

    assert asyncio.run(run()) == (0, b"order\n\n")
    log = tmp_path / "log" / "a.log"
    assert log.read_text() == "hello\n"
    if os.name == "posix":
        assert log.stat().st_mode & 0o777 == 0o600


@posix
@pytest.mark.parametrize("terminates", [True, False])
def test_one_that_does_not_end_is_killed_or_asked_once_more(
    tmp_path: Path, terminates: bool
) -> None:
    async def run(on_sigterm: str) -> int:
        child = await Child.start(program(tmp_path, STUBBORN.format(on_sigterm), 0.2))
        assert await child.lines.readline() == b"ready\n"
        return await child.end(terminates=terminates)

    assert asyncio.run(run("lambda *_: sys.exit(7)")) == (7 if terminates else -signal.SIGKILL)
    assert asyncio.run(run("signal.SIG_IGN")) == -signal.SIGKILL


def test_a_large_log_is_set_aside_where_one_process_alone_uses_it(tmp_path: Path) -> None:
    log = tmp_path / "log" / "a.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (2**21 + 1))

    async def run() -> tuple[int, int]:
        shared = await Child.start(program(tmp_path, ECHO))
        await shared.end()
        alone = await Child.start(program(tmp_path, ECHO), rotates_log=True)
        await alone.end()
        return shared.log_start, alone.log_start

    assert asyncio.run(run()) == (2**21 + 1, 0)
    assert log.read_text() == "hello\n"
    assert log.with_name("a.log.1").stat().st_size > 2**21


def test_a_program_that_is_missing_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(Child.start(Program([str(tmp_path / "none")], tmp_path / "a.log")))
