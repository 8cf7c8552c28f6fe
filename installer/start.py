"""What a start does: looks whether the environment is fresh, and runs the program in it.

Python 3.9 and later: uv provides a newer one for the environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from installer import plugins
from installer.clone_wheel import write_clone_wheel
from installer.core.accelerator import choose, this_machine
from installer.core.errors import GB, InstallError
from installer.core.installation import (
    CONSTRAINTS,
    TORCH_CONSTRAINTS,
    Environment,
    Request,
    Root,
    digest_of,
    install,
    read_stamp,
    refresh_command,
    why_stale,
)
from installer.core.runner import Progress
from scalediff_engine.client.places import Places, default_home

CLONE = Path(__file__).resolve().parent.parent
FAILED, WRONG_USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143
OLDEST, NEWEST = (3, 11), (3, 14)
_HEARTBEAT_S = 15
# The tier that runs unless another is asked for.
QUICK = "not slow and not nightly and not gpu"
# What commands need besides what everything needs. Plug-ins open dialogs.
EXTRAS = {
    "test": ("dev", "ui"),
    "check": ("dev", "ui"),
    "dialog": ("ui",),
    "plugins install": ("ui",),
}

HELP = """\
usage: python3 installer/run.py ARGUMENTS...

Runs ScaleDiff from this clone. The first start makes an environment and says what it does.

  test [PYTEST ARGUMENTS]   runs the quick tests (-m slow, -m nightly, -m gpu: the other tiers)
  check                     runs the linters and the type checker
  dialog [PICTURE]          opens the window, and adds PySide6 for that the first time
  anything else             goes to scalediff, for example: upscale photo.jpg --scale 4

Variables:
  SCALEDIFF_ENV    the environment's folder, instead of .venv in the clone
  SCALEDIFF_TORCH  the PyTorch build, instead of the one that fits: cpu, cu126, rocm6.4, xpu
"""


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for and return the exit code."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(HELP, end="")
        return 0 if arguments else WRONG_USAGE
    root = find_root(CLONE, os.environ)
    try:
        environment = prepare(root, extras_of(arguments))
        environ = activated(os.environ, environment)
        if arguments[0] == "check":
            return _check(environment, environ)
        if arguments[0] == "test":
            os.chdir(CLONE)
        return _become(command_for(environment, arguments), environ)
    except InstallError as error:
        say(str(error))
    except OSError as error:
        say(f"The environment {root.folder} cannot be used: {error}.")
    return FAILED


def find_root(clone: Path, environ: Mapping[str, str]) -> Root:
    """Return the installation of a clone: its ``.venv``, or what SCALEDIFF_ENV names."""
    chosen = environ.get("SCALEDIFF_ENV", "")
    folder = Path(chosen).expanduser() if chosen else clone / ".venv"
    return Root(Path(os.path.realpath(folder)))


def extras_of(arguments: list[str]) -> tuple[str, ...]:
    """Return the extras that a command needs."""
    return EXTRAS.get(arguments[0]) or EXTRAS.get(" ".join(arguments[:2]), ())


def prepare(root: Root, extras: tuple[str, ...]) -> Environment:
    """Return a fresh environment with some extras, after making it if need be.

    Raises:
        InstallError: it cannot be made; the sentence says why and what would help.
    """
    current = root.current()
    stamp = None if current is None else read_stamp(current.stamp)
    # an update keeps the extras that other commands asked for
    extras = tuple(sorted({*extras, *(stamp.extras if stamp is not None else ())}))
    request = request_for(extras)
    reason = why_stale(root, request)
    if current is not None and not reason:
        return current
    with tempfile.TemporaryDirectory(prefix="scalediff-") as scratch:
        wheel = str(write_clone_wheel(CLONE, Path(scratch)))
        request = replace(request, arguments=(*request.arguments, wheel))
        return _install(root, request, reason if stamp is not None else "")


def request_for(extras: tuple[str, ...]) -> Request:
    """Return what the clone needs, its own wheel apart."""
    pyproject = CLONE / "pyproject.toml"
    try:
        # the tables of the tools behind it do not decide what is installed
        project = pyproject.read_text("utf-8").partition("\n[tool.")[0].rstrip()
        pins = [file.read_text("utf-8") for file in (CONSTRAINTS, TORCH_CONSTRAINTS)]
    except OSError as error:
        raise InstallError(f"{error.filename} cannot be read: is the clone complete?") from error
    chosen = [word for extra in extras for word in ("--extra", extra)]
    return Request(
        source=str(CLONE),
        digest=digest_of(project, *pins),
        extras=extras,
        arguments=("--requirements", str(pyproject), *chosen),
        torch=choose(this_machine(os.environ)),
        python=sys.executable if OLDEST <= sys.version_info[:2] <= NEWEST else "",
    )


def _install(root: Root, request: Request, reason: str) -> Environment:
    def end(_signal: int, _frame: object) -> None:
        sys.exit(TERMINATED)

    if reason:
        say(f"making the environment in {root.folder} anew: {reason}")
    else:
        say(f"first start: making the environment in {root.folder}")
    say(f"PyTorch's build: {request.torch.accelerator.value} ({request.torch.why})")
    began_s = time.monotonic()
    before = signal.signal(signal.SIGTERM, end)
    try:
        environment = install(root, request, os.environ, Display(), _say_that_it_waits, _confirm)
    finally:
        signal.signal(signal.SIGTERM, before)
    # after an update, editors start the new engine
    refresh_command(Places(default_home()).command_file, root, environment)
    stamp = read_stamp(environment.stamp)
    packages = len(stamp.installed) if stamp is not None else 0
    say(f"ready after {time.monotonic() - began_s:.0f} s: {packages} packages")
    return environment


def say(text: str) -> None:
    """Show one line."""
    print(f"scalediff: {text}", file=sys.stderr, flush=True)


class Display:
    """Shows each step once, and a line every 15 seconds while it takes."""

    def __init__(self) -> None:
        self._step = ""
        self._said_s = 0.0

    def __call__(self, progress: Progress) -> None:
        """Show what is new."""
        if progress.step != self._step:
            self._step, self._said_s = progress.step, time.monotonic()
            say(f"  {progress.step}")
        elif time.monotonic() - self._said_s >= _HEARTBEAT_S:
            self._said_s = time.monotonic()
            of = f", {progress.done_bytes / GB:.2f} of {progress.total_bytes / GB:.2f} GB"
            known = of if progress.total_bytes else ""
            say(f"    {progress.elapsed_s:.0f} s{known} {progress.name}".rstrip())


def _say_that_it_waits() -> None:
    say("another start is working on the environment; waiting for it")


def _confirm(question: str) -> bool:
    """Ask on a terminal; without one the answer is yes."""
    say(question)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    return input("Download it? [y/N] ").strip().lower() in {"y", "yes"}


def command_for(environment: Environment, arguments: list[str]) -> list[str]:
    """Return the command line that runs in the environment.

    Tests share two processors, file by file; the nightly ones measure, and run alone. A later
    ``-m`` or ``-n`` among the arguments wins.
    """
    if arguments[0] == "test":
        at_once = [] if "nightly" in arguments else ["-n", "2", "--dist", "loadfile"]
        return [str(environment.python), "-m", "pytest", "-m", QUICK, *at_once, *arguments[1:]]
    return [str(environment.program("scalediff")), *arguments]


def checks(environment: Environment) -> list[list[str]]:
    """Return the command lines of the linters, run from the clone."""
    python = str(environment.python)
    return [
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "pyright", "--pythonpath", python],
        [str(environment.program("lint-imports"))],
    ]


def activated(environ: Mapping[str, str], environment: Environment) -> dict[str, str]:
    """Return the variables that activating the environment would set."""
    leading_out = {"PYTHONHOME", "__PYVENV_LAUNCHER__"}
    kept = {name: value for name, value in environ.items() if name not in leading_out}
    path = os.pathsep.join([str(environment.scripts), environ.get("PATH", os.defpath)])
    return {**kept, "VIRTUAL_ENV": str(environment.folder), "PATH": path}


def _become(command: list[str], environ: dict[str, str]) -> int:
    """Turn into a program, so that signals and the exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform != "win32":
        os.execve(command[0], command, environ)  # noqa: S606 - no shell is meant
    return _wait_for(command, environ)


def _wait_for(command: list[str], environ: dict[str, str]) -> int:
    """Run a program to its end; Ctrl-C reaches it too, and it decides how to end."""
    child = subprocess.Popen(command, env=environ)
    interrupted = False
    while True:
        try:
            exit_code = child.wait()
        except KeyboardInterrupt:
            interrupted = True
        else:
            return INTERRUPTED if interrupted and exit_code != 0 else exit_code


def _check(environment: Environment, environ: dict[str, str]) -> int:
    """Run all linters, also past one that complains; the plug-ins are read with their copies."""
    os.chdir(CLONE)
    plugins.build()
    failed: list[str] = []
    for command in checks(environment):
        name = " ".join([Path(command[0]).name, *command[1:]])
        say(name)
        exit_code = _wait_for(command, environ)
        if exit_code == INTERRUPTED:
            return INTERRUPTED
        if exit_code != 0:
            failed.append(name)
    for name in failed:
        say(f"not clean: {name}")
    return FAILED if failed else 0
