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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from scalediff_engine.client.client import Client
from scalediff_engine.client.places import Places, read_engine
from scalediff_engine.client.start import find

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
INSIDE = HERE / "inside"
PLUGIN = ROOT / "plugin_gimp" / "scalediff"
subprocess.run([sys.executable, ROOT / "installer" / "plugins.py"], check=True)
RUN = HERE.parent / "run-gimp.sh"
# The end of every layer's name, as in ``inside/kit.py``.
LETTERS_OF_ALL = " été Слой 图层"
ENGINE = HERE.parent / "engine_program.py"


def chroot() -> Path:
    """Where ``install.sh`` puts GIMP."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hosts = Path(os.environ.get("HOSTS_DIR") or cache / "scalediff-hosts")
    return Path(os.environ.get("HOSTS_ROOT") or hosts / os.environ.get("HOSTS_SUITE", "trixie"))


def version() -> str:
    """The newest GIMP in there, such as 3.0, which its folders are named after; empty = none."""
    programs = (chroot() / "usr/bin").glob("gimp-console-[0-9]*")
    found = [program.name.rpartition("-")[2] for program in programs]
    return max(found, key=lambda name: [int(part) for part in name.split(".")], default="")


def missing() -> str:
    """Why GIMP cannot be run here; empty = it can."""
    if not version():
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

    @property
    def settings(self) -> Path:
        """The folder of GIMP's settings."""
        return self.home / ".config" / "GIMP" / version()

    def settle(self) -> None:
        """Make its first start a short one: of GIMP's own plug-ins it asks Python's alone."""
        (shipped,) = (chroot() / "usr/lib").glob("*/gimp/*/plug-ins/python-eval")
        few = self.home / "few"
        few.mkdir(parents=True)
        (few / shipped.name).symlink_to("/" / shipped.relative_to(chroot()))
        settings = self.settings
        settings.mkdir(parents=True)
        path = f"${{gimp_dir}}/plug-ins:{few}"
        (settings / "gimprc").write_text(f'(plug-in-path "{path}")\n')

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


class Engine:
    """An engine with the real worker and a user who does as ``says`` tells.

    Attributes:
        home: of it
        user: file that says what the user does, see ``user.py``
        process: of it; None = it does not run
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.user = home.parent / "user.json"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, on what an earlier one has left."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, str(ENGINE), str(self.home), str(self.user)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
            stdout=subprocess.DEVNULL,
        )
        until(lambda: find(Places(self.home)) is not None, 60)
        # or the plug-in would start one by itself where this one is ended
        Places(self.home).command_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it without a word, and wait until all that it started has gone too."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        self.process = None
        _, left = psutil.wait_procs(children, 20)
        assert not left, left

    def end(self) -> None:
        """Ask it to end, and wait."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def programs(self, name: str) -> list[psutil.Process]:
        """What it has started by the name of a file, such as the dialogs."""
        found = []
        for child in psutil.Process(self.process.pid).children() if self.process else ():
            with suppress(psutil.Error):  # it has just ended
                if name in " ".join(child.cmdline()):
                    found.append(child)
        return found

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
def engine(home: Path) -> Iterator[Engine]:
    """An engine that is gone at the end."""
    made = Engine(home)
    home.mkdir(parents=True, exist_ok=True)
    made.says("discard")
    try:
        made.start()
        yield made
    finally:
        made.end()


def until(holds: Any, seconds: float) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def titled(name: str) -> str:
    """The name of a layer as GIMP and the engine know it."""
    return name + LETTERS_OF_ALL


def words(items: Sequence[object]) -> str:
    """A list for people."""
    return ", ".join(map(str, items))
