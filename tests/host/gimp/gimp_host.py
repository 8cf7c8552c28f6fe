"""A real GIMP 3 with the plug-in, and a real engine beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalediff_engine.wire.client import Client
from scalediff_engine.wire.places import Places, read_engine

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
INSIDE = HERE / "inside"
PLUGIN = ROOT / "plugin_gimp" / "scalediff"
RUN = HERE.parent / "run-gimp.sh"
ENGINE = HERE.parent / "engine_program.py"


def missing() -> str:
    """Why GIMP cannot be run here; empty = it can."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hosts = Path(os.environ.get("HOSTS_DIR") or cache / "scalediff-hosts")
    root = Path(os.environ.get("HOSTS_ROOT") or hosts / "trixie")
    if not (root / "usr/bin/gimp-console-3.0").exists():
        return "GIMP 3 is not installed (tests/host/install.sh gimp)"
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("Xvfb") is None:
        return "GIMP 3 runs in a chroot, which needs root, unshare and Xvfb"
    return ""


@dataclass
class Gimp:
    """GIMP with a home folder of its own.

    Attributes:
        home: of the user
        engine_home: of the engine; shown to GIMP under the same path
    """

    home: Path
    engine_home: Path
    environ: dict[str, str] = field(default_factory=dict)

    def start(
        self, script: Path, *args: str, windows: bool = False, seconds: int = 100
    ) -> subprocess.Popen[str]:
        """Start GIMP and a script in it."""
        command = [str(RUN), "-t", str(seconds), "-H", str(self.home), "-p", str(PLUGIN)]
        command += ["-b", str(self.engine_home.parent), "-b", str(ROOT)]
        command += ["-g"] if windows else []
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        return subprocess.Popen(
            [*command, str(script), *args],
            env=environ | {"SCALEDIFF_HOME": str(self.engine_home)} | self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: Path, *args: str, windows: bool = False, seconds: int = 100) -> str:
        """Run a script in GIMP; gives what was said. It fails if the script does."""
        process = self.start(script, *args, windows=windows, seconds=seconds)
        said, _ = process.communicate(timeout=seconds + 20)
        assert process.returncode == 0, said
        return said


def scenarios(script: Path) -> list[str]:
    """The names of the scenarios in a script: its functions that take the stage."""
    lines = script.read_text().splitlines()
    return [line[4 : line.index("(")] for line in lines if line.endswith("(stage) -> None:")]


def outcomes(folder: Path) -> dict[str, dict[str, Any]]:
    """What scenarios left behind, by their names."""
    lines = (folder / "outcomes.jsonl").read_text().splitlines()
    return {line["name"]: line for line in map(json.loads, lines)}


@dataclass
class Engine:
    """An engine with the real worker and a user who does as ``says`` tells.

    Attributes:
        home: of it
        user: file that says what the user does, see ``user.py``
        process: of it
    """

    home: Path
    user: Path
    process: subprocess.Popen[bytes]

    @property
    def client(self) -> Client:
        return Client(lambda: read_engine(Places(self.home)))

    def says(self, does: str, **more: Any) -> None:
        """Let the user do something in the next dialog."""
        self.user.write_text(json.dumps({"does": does, **more}))

    def notes(self) -> dict[str, Any]:
        """What the last dialog was told."""
        found: dict[str, Any] = json.loads((self.user.parent / "notes.json").read_text())
        return found

    def running(self) -> list[str]:
        """Jobs that have not ended."""
        return [job.id for job in self.client.jobs().jobs if not job.state.is_final]


@contextmanager
def engine(home: Path, *, real_dialog: bool = False) -> Iterator[Engine]:
    """An engine that is gone at the end; with the dialog itself, or a user without a screen."""
    home.mkdir(parents=True, exist_ok=True)
    user = home.parent / "user.json"
    user.write_text(json.dumps({"does": "discard"}))
    process = subprocess.Popen(
        [sys.executable, str(ENGINE), str(home), f"{'person:' * real_dialog}{user}"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: read_engine(Places(home)) is not None, 60)
        yield Engine(home, user, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(holds: Any, seconds: float) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def words(items: Sequence[object]) -> str:
    """A list for people."""
    return ", ".join(map(str, items))
