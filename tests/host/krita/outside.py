"""Runs Krita from outside, with an engine beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalediff_engine.client.places import HOME_VARIABLE, Places
from scalediff_engine.client.start import COMMAND_VARIABLE, find

HERE = Path(__file__).resolve().parent
DRIVER = HERE / "inside" / "driver.py"
HOST = HERE.parent
ROOT = HOST.parents[1]
PLUGIN = ROOT / "plugin_krita"
subprocess.run([sys.executable, ROOT / "installer" / "plugins.py"], check=True)


def hosts_dir() -> Path:
    """Where ``install.sh`` puts the chroot."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("HOSTS_DIR") or cache / "scalediff-hosts")


def missing(version: str) -> str:
    """Why a Krita cannot be run here; empty = it can be."""
    root = Path("/") if version == "native" else hosts_dir() / "trixie"
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it needs Linux and root, for namespaces of its own"
    if not (root / "usr/bin/kritarunner").exists():
        which = "krita-native" if version == "native" else "krita"
        return f"no Krita in {root}: run tests/host/install.sh {which}"
    if shutil.which("Xvfb") is None:
        return "there is no Xvfb"
    return ""


@dataclass
class Beside:
    """An engine beside Krita, which can be killed and started again.

    Attributes:
        folder: shared with Krita; the engine lives in ``home`` there
        user: see ``engine_program.py``
        worker: program and arguments; none = the real one
    """

    folder: Path
    user: str = ""
    worker: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        program = [sys.executable, str(HOST / "engine_program.py"), str(self.home)]
        user = self.user or str(self.folder / "user.json")
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        with (self.folder / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*program, user, *self.worker], env=environ, stdout=log, stderr=log
            )
        end = time.monotonic() + 60
        while find(Places(self.home)) is None:
            assert self.process.poll() is None, "the engine ended"
            assert time.monotonic() < end, "the engine does not start"
            time.sleep(0.05)
        # or the plug-in would start one by itself when this one is killed
        Places(self.home).command_file.unlink(missing_ok=True)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def do(self, word: str) -> None:
        """``kill`` or ``start`` it, or have it ``halt`` and ``go-on`` again."""
        assert self.process is not None
        halt, go_on = (signal.SIGSTOP, signal.SIGCONT)
        {
            "kill": self.kill,
            "start": self.start,
            "halt": lambda: self.process.send_signal(halt),
            "go-on": lambda: self.process.send_signal(go_on),
        }[word]()


def run_krita(
    version: str, beside: Beside, script: Path, *arguments: str, seconds: int = 900, **environ: str
) -> tuple[int, str]:
    """Run a script in Krita with its windows; gives its exit status and what it wrote.

    Args:
        version: ``native`` or ``chroot``
        beside: whose requests are done meanwhile
        script, arguments: what runs inside
        seconds: for all of it
        environ: more variables of Krita
    """
    command = [str(HOST / "run-krita.sh"), "-g", "-t", str(seconds)]
    command += ["-n"] if version == "native" else ["-b", str(HERE), "-b", str(PLUGIN)]
    command += ["-p", str(PLUGIN), "-b", str(beside.folder), str(script), *arguments]
    variables = {**os.environ, HOME_VARIABLE: str(beside.home), "PYTHONFAULTHANDLER": "1"}
    variables.pop(COMMAND_VARIABLE, None)
    variables.update(environ)
    log = beside.folder / "krita.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=variables, stdout=file, stderr=file)
        request = beside.folder / "request"
        while process.poll() is None:
            if request.exists():
                beside.do(request.read_text())
                request.unlink()
            time.sleep(0.02)
    return process.returncode, log.read_text("utf-8", "replace")


def results_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Give what became of each scenario."""
    file = folder / "results.jsonl"
    lines = file.read_text().splitlines() if file.is_file() else []
    return {line["name"]: line for line in map(json.loads, lines)}
