"""Runs the steps of an installation: their output goes into a log, their progress to a callback."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InstallError, from_log

_POLL_S = 0.2
_PATIENCE_S = 5
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_DOWNLOAD = re.compile(r"^ *(Downloading|Downloaded) (\S+?)(?: \(([\d.]+)([KMG]?i?B)\))?$", re.M)


@dataclass(frozen=True)
class Progress:
    """How far an installation is.

    Attributes:
        step: what is done, for people: "downloading and installing the packages"
        name: of the package or program that came last, empty if there is none
        done_bytes, total_bytes: of the downloads that are known so far
        elapsed_s: since the step began
    """

    step: str
    name: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    elapsed_s: float = 0.0


# Called several times a second; raising `Cancelled` stops the installation.
OnProgress = Callable[[Progress], None]


def parse_downloads(output: str) -> tuple[str, int, int]:
    """Return the name that was reported last, the bytes that came and the bytes of all.

    uv reports the larger files: ``Downloading torch (180.2MiB)``, then `` Downloaded torch``.
    """
    sizes: dict[str, int] = {}
    done: set[str] = set()
    name = ""
    for found in _DOWNLOAD.finditer(output):
        name = found[2]
        if found[1] == "Downloaded":
            done.add(name)
        elif found[3]:
            sizes[name] = int(float(found[3]) * _UNITS.get(found[4], 1))
    return name, sum(sizes.get(each, 0) for each in done), sum(sizes.values())


@dataclass(frozen=True)
class Runner:
    """Runs programs.

    Attributes:
        log: the file that takes their output
        environ: their environment variables
        lock: the descriptor of the installation's lock, which they inherit
        needed_bytes: what the whole environment needs on the disk, for the sentence
        on_progress: called while a program runs
    """

    log: Path
    environ: Mapping[str, str]
    lock: int
    needed_bytes: int
    on_progress: OnProgress

    def run(self, step: str, command: list[str]) -> str:
        """Run one program to its end and return its output.

        Raises:
            InstallError: it failed; the sentence says why and names the log.
            Cancelled: the callback asked to stop; the program was ended.
        """
        exit_code, output = self.attempt(step, command)
        if exit_code != 0:
            raise from_log(step, exit_code, output, self.log, self.needed_bytes)
        return output

    def attempt(self, step: str, command: list[str]) -> tuple[int, str]:
        """Run one program and return its exit code and output.

        Raises:
            InstallError: it does not start.
            Cancelled: as `run`.
        """
        with self.log.open("ab") as sink:
            sink.write(f"\n$ {subprocess.list2cmdline(command)}\n".encode(errors="replace"))
            sink.flush()
            start = sink.tell()
            try:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=dict(self.environ),
                    pass_fds=() if sys.platform == "win32" else (self.lock,),
                )
            except OSError as error:
                raise InstallError(f"{command[0]} does not start: {error}.") from error
        try:
            exit_code = self._wait(child, step, start)
        finally:
            _end(child)
        return exit_code, self._output_since(start)

    def _wait(self, child: subprocess.Popen[bytes], step: str, start: int) -> int:
        began_s = time.monotonic()
        while True:
            name, done, total = parse_downloads(self._output_since(start))
            self.on_progress(Progress(step, name, done, total, time.monotonic() - began_s))
            try:
                return child.wait(timeout=_POLL_S)
            except subprocess.TimeoutExpired:
                continue

    def _output_since(self, start: int) -> str:
        with self.log.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
