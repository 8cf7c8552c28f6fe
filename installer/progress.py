"""What the user sees while the environment is made: short lines on stderr, the noise in a log."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from installer.failures import SetupFailure, StepEnd, from_log
from installer.layout import ON_WINDOWS

_HEARTBEAT_S = 15
_PATIENCE_S = 5
_ACTIVITY = re.compile(
    r"^ *(Collecting|Downloading|Installing|Processing|Resolved|Prepared|Installed|Bytecode)\b.*",
    re.MULTILINE,
)


def say(text: str) -> None:
    """Show one line."""
    print(f"scalediff: {text}", file=sys.stderr, flush=True)


def activity(log_text: str) -> str:
    """Give what pip or uv was doing last, from what it wrote."""
    last = ""
    for found in _ACTIVITY.finditer(log_text):
        last = found[0].strip()
    if last.startswith("Installing collected packages"):
        return f"unpacking {last.count(',') + 1} packages"
    return last if len(last) <= 80 else last[:77] + "..."


@dataclass(frozen=True)
class Runner:
    """Runs the steps of an installation.

    Attributes:
        log: the file that takes what they print
        environ: their environment variables
        lock: the descriptor of the environment's lock, which they inherit
        needed_bytes: what the whole environment needs on the disk, for the sentence
    """

    log: Path
    environ: Mapping[str, str]
    lock: int
    needed_bytes: int

    def run(self, step: str, command: list[str]) -> None:
        """Run one step to its end.

        Raises:
            SetupFailure: it failed; the sentence says why and names the log.
        """
        began_at = self._log_size()
        exit_code = self.try_to_run(step, command)
        if exit_code != 0:
            end = StepEnd(step, exit_code, self._log_since(began_at))
            raise from_log(end, self.log, self.needed_bytes)

    def try_to_run(self, step: str, command: list[str], limit_s: float | None = None) -> int:
        """Run one step and give its exit code; past ``limit_s`` it is ended and counts as failed.

        Raises:
            SetupFailure: the program does not start.
        """
        with self.log.open("ab") as sink:
            sink.write(f"\n$ {subprocess.list2cmdline(command)}\n".encode(errors="replace"))
            sink.flush()
            try:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=dict(self.environ),
                    pass_fds=() if ON_WINDOWS else (self.lock,),
                )
            except OSError as error:
                raise SetupFailure(f"{command[0]} does not start: {error}.") from error
            try:
                return self._wait(child, step, limit_s)
            finally:
                _end(child)

    def _wait(self, child: subprocess.Popen[bytes], step: str, limit_s: float | None) -> int:
        began_at = self._log_size()
        began_s = time.monotonic()
        said_s = began_s
        while True:
            try:
                return child.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                now_s = time.monotonic()
            if limit_s is not None and now_s - began_s > limit_s:
                return -1
            if now_s - said_s >= _HEARTBEAT_S:
                said_s = now_s
                doing = activity(self._log_since(began_at)) or step
                say(f"   {now_s - began_s:.0f} s: {doing}")

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _log_since(self, start: int) -> str:
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
