"""What a start does: looks whether the environment is fresh, and runs the program in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from installer import interpreters, plugins
from installer.failures import SetupFailure
from installer.layout import ON_WINDOWS, Layout, find_layout
from installer.progress import say
from installer.stamp import Verdict, judge, look, read_stamp
from installer.torch_build import TorchBuild, choose, this_machine

CLONE = Path(__file__).resolve().parent.parent
FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130
# What commands need besides what everything needs; who has plug-ins has dialogs.
# The tier that runs unless another is asked for.
QUICK = "not slow and not nightly and not gpu"
EXTRAS = {"test": ("dev",), "check": ("dev",), "dialog": ("ui",), "plugins": ("ui",)}

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
    """Run what the arguments ask for and give the exit code."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(HELP, end="")
        return 0 if arguments else WRONG_USAGE
    layout = find_layout(CLONE, os.environ)
    try:
        exit_code = _prepare(layout, extras_for(arguments), arguments)
        if exit_code is not None:
            return exit_code
        environ = activated(os.environ, layout)
        if arguments[0] == "check":
            return _check(layout, environ)
        if arguments[0] == "test":
            os.chdir(layout.clone)
        return _become(program_for(layout, arguments), environ)
    except SetupFailure as failure:
        say(str(failure))
    except OSError as error:
        say(f"The environment {layout.env} cannot be used: {error}.")
    return FAILED


def extras_for(arguments: list[str]) -> tuple[str, ...]:
    """Give the extras that a command needs."""
    return EXTRAS.get(arguments[0], ())


def program_for(layout: Layout, arguments: list[str]) -> list[str]:
    """Return the command line that runs in the environment.

    Tests share two processors, file by file; the nightly ones measure, and run alone. A later
    ``-m`` or ``-n`` among the arguments wins.
    """
    if arguments[0] == "test":
        at_once = [] if "nightly" in arguments else ["-n", "2", "--dist", "loadfile"]
        return [str(layout.python), "-m", "pytest", "-m", QUICK, *at_once, *arguments[1:]]
    return [str(layout.program("scalediff")), *arguments]


def checks(layout: Layout) -> list[list[str]]:
    """Give the command lines of the linters, run from the clone."""
    python = str(layout.python)
    return [
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "pyright", "--pythonpath", python],
        [str(layout.program("lint-imports"))],
    ]


def activated(environ: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """Give the variables that activating the environment would set."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in {"PYTHONHOME", "__PYVENV_LAUNCHER__"}
    }
    path = os.pathsep.join([str(layout.scripts), environ.get("PATH", os.defpath)])
    return {**kept, "VIRTUAL_ENV": str(layout.env), "PATH": path}


def _prepare(layout: Layout, extras: tuple[str, ...], arguments: list[str]) -> int | None:
    """Make sure of a fresh environment; a number is the exit code of another Python that ran all.

    Nothing before the change of Python needs a supported one.
    """
    torch = choose(this_machine(os.environ))
    if _is_fresh(layout, extras, torch):
        return None
    version = (sys.version_info[0], sys.version_info[1])
    if not interpreters.is_supported(version):
        command = interpreters.find_supported()
        if command is None:
            raise SetupFailure(interpreters.none_found(version))
        run = str(Path(__file__).with_name("run.py"))
        return _become([*command, run, *arguments], dict(os.environ))
    from installer.environment import Wanted, bring_up_to_date

    bring_up_to_date(layout, Wanted(extras=extras, torch=torch), os.environ)
    return None


def _is_fresh(layout: Layout, extras: tuple[str, ...], torch: TorchBuild) -> bool:
    stamp = read_stamp(layout.stamp)
    seen = look(layout, stamp, extras=extras, accelerator=torch.accelerator.value)
    return judge(stamp, seen).verdict is Verdict.FRESH


def _become(command: list[str], environ: dict[str, str]) -> int:
    """Turn into a program, so that signals and the exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not ON_WINDOWS:
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


def _check(layout: Layout, environ: dict[str, str]) -> int:
    """Run all linters, also past one that complains; the plug-ins are read with their copies."""
    os.chdir(layout.clone)
    plugins.build()
    failed: list[str] = []
    for command in checks(layout):
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
