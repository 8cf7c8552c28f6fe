"""Makes the environment of a clone, and brings it up to date.

The stamp goes first and comes back last: whatever kills an installation in between leaves an
environment without a stamp, which the next start makes anew from pip's cache. Programs in an
environment hold absolute paths, so it is made where it stays and never moved.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from types import FrameType

from installer import contents, interpreters, lock
from installer.clone_wheel import write_clone_wheel
from installer.failures import GB, SetupFailure, Unreachable, disk_full, from_os_error
from installer.layout import ON_WINDOWS, Layout
from installer.progress import Runner, say
from installer.project import Project, read_project
from installer.stamp import (
    Finding,
    Stamp,
    Verdict,
    digest_of,
    judge,
    look,
    read_stamp,
    write_stamp,
)
from installer.torch_build import Accelerator, TorchBuild

_TERMINATED = 143
_DRY_RUN_LIMIT_S = 20.0


@dataclass(frozen=True)
class Wanted:
    """What a start asks of the environment."""

    extras: tuple[str, ...]
    torch: TorchBuild


def bring_up_to_date(layout: Layout, wanted: Wanted, environ: Mapping[str, str]) -> None:
    """Make the environment fit; returns when it is finished and stamped.

    Raises:
        SetupFailure: it cannot be made; the sentence says why and what would help.
    """
    try:
        _claim(layout)
        with _ending_on_sigterm(), lock.held(layout.lock, _say_that_it_waits) as descriptor:
            stamp = read_stamp(layout.stamp)
            finding = _finding(layout, stamp, wanted)
            if finding.verdict is Verdict.FRESH:
                return
            runner = Runner(
                log=layout.log,
                environ=_environ_for_pip(environ, layout),
                lock=descriptor,
                needed_bytes=wanted.torch.needed_bytes,
            )
            _Work(layout, wanted, read_project(layout.clone), runner).do(stamp, finding)
    except OSError as error:
        needed_bytes = wanted.torch.needed_bytes
        raise from_os_error(
            error, layout.env, contents.free_bytes(layout.env), needed_bytes
        ) from error


def _finding(layout: Layout, stamp: Stamp | None, wanted: Wanted) -> Finding:
    accelerator = wanted.torch.accelerator.value
    return judge(stamp, look(layout, stamp, extras=wanted.extras, accelerator=accelerator))


def _claim(layout: Layout) -> None:
    """Make sure of a folder that is ours to change: a new one, an empty one or one with our lock.

    Raises:
        SetupFailure: the folder holds something else.
    """
    layout.env.mkdir(parents=True, exist_ok=True)
    if not layout.lock.exists() and any(layout.env.iterdir()):
        raise SetupFailure(
            f"{layout.env} holds something that this program did not make. Rename it, or set "
            "SCALEDIFF_ENV to a new folder for the environment."
        )


def _say_that_it_waits() -> None:
    say("another start is working on the environment; waiting for it")


@contextlib.contextmanager
def _ending_on_sigterm() -> Generator[None]:
    """Turn SIGTERM into an exit that ends the running step too."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        sys.exit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _environ_for_pip(environ: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """Give the user's variables, less those that lead pip or Python out of the environment."""
    leading_out = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_CONSTRAINT"}
    kept = {name: value for name, value in environ.items() if name not in leading_out}
    return {
        **kept,
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        "UV_HTTP_RETRIES": "1",
        "TMPDIR": str(layout.scratch),
    }


@dataclass(frozen=True)
class _Work:
    """One piece of work on an environment whose lock is held."""

    layout: Layout
    wanted: Wanted
    project: Project
    runner: Runner

    def do(self, stamp: Stamp | None, finding: Finding) -> None:
        began_s = time.monotonic()
        python = self._usable_python(stamp) if finding.verdict is Verdict.CHANGED else ""
        extras = tuple(sorted({*(stamp.extras if stamp else ()), *self.wanted.extras}))
        if stamp is not None and python:
            if self._only_looks_changed(stamp, extras):
                self._stamp(extras, python, torch=stamp.torch, backend=stamp.backend)
                return
            torch, backend = stamp.torch, stamp.backend
            self._update(stamp, extras, finding)
        else:
            python = f"{sys.version_info[0]}.{sys.version_info[1]}"
            torch = self.wanted.torch.accelerator.value
            backend = self._make_anew(extras, finding)
        self._stamp(extras, python, torch=torch, backend=backend)
        self._say_that_it_is_ready(time.monotonic() - began_s)

    def _update(self, stamp: Stamp, extras: tuple[str, ...], finding: Finding) -> None:
        say(f"updating the environment in {self.layout.env}: {finding.reason}")
        self.layout.stamp.unlink()
        try:
            self._install(extras, stamp.backend)
        except SetupFailure:
            # pip ended in order and rolled back: without a network the old environment stays
            write_stamp(self.layout.stamp, stamp)
            raise

    def _make_anew(self, extras: tuple[str, ...], finding: Finding) -> str:
        """Make the environment in the emptied folder and give the backend that served PyTorch."""
        try:
            self._begin_anew(finding)
            backend = self._choose_backend() if self.project.needs("torch") else ""
            self._install(extras, backend)
        except SetupFailure:
            contents.remove(contents.leftovers(self.layout))
            raise
        return backend

    def _usable_python(self, stamp: Stamp | None) -> str:
        """Give the version behind the environment's Python, empty when it is no longer the same."""
        version = interpreters.version_of([str(self.layout.python)])
        if stamp is None or version is None or stamp.python != f"{version[0]}.{version[1]}":
            return ""
        return stamp.python

    def _only_looks_changed(self, stamp: Stamp, extras: tuple[str, ...]) -> bool:
        """Say whether nothing needs installing: the files differ, not what they ask for."""
        seen = look(
            self.layout, stamp, extras=extras, accelerator=self.wanted.torch.accelerator.value
        )
        as_if_stamped = replace(stamp, digest=seen.digest, interpreter=seen.interpreter)
        unmoved = judge(as_if_stamped, seen).verdict is Verdict.FRESH
        return unmoved and stamp.key == self._key(extras)

    def _key(self, extras: tuple[str, ...]) -> str:
        constraints = self.layout.constraints
        return self.project.key(extras, constraints.read_text("utf-8"))

    def _begin_anew(self, finding: Finding) -> None:
        layout = self.layout
        _require_venv()
        leftovers = contents.leftovers(layout)
        if leftovers:
            say(f"making the environment in {layout.env} anew: {finding.reason}")
            layout.stamp.unlink(missing_ok=True)
            contents.remove(leftovers)
        else:
            say(f"first start: making the environment in {layout.env}")
        free_bytes = contents.free_bytes(layout.env)
        if self.project.needs("torch") and free_bytes < self.wanted.torch.needed_bytes:
            raise disk_full(layout.env, free_bytes, self.wanted.torch.needed_bytes)
        layout.scratch.mkdir()
        say(f"1/3 an empty environment with Python {sys.version.split()[0]}")
        self.runner.run(
            "making an empty environment", [sys.executable, "-m", "venv", str(layout.env)]
        )

    def _install(self, extras: tuple[str, ...], backend: str) -> None:
        contents.remove([self.layout.scratch])
        self.layout.scratch.mkdir()
        wheel = write_clone_wheel(self.project, self.layout.clone, self.layout.scratch)
        chosen = f"[{','.join(extras)}]" if extras else ""
        requirement = f"{self.project.name}{chosen} @ {wheel.as_uri()}"
        command = uv_install(self.layout, backend) if backend else pip_install(self.layout)
        say(f"3/3 downloading and installing {self.project.name}{chosen} and what it needs")
        self.runner.run("installing the packages", [*command, requirement])
        contents.remove([self.layout.scratch])

    def _choose_backend(self) -> str:
        torch = self.wanted.torch
        say(f"2/3 choosing the PyTorch build: {torch.accelerator.value} ({torch.why})")
        if not torch.backend or self._uv_reaches_the_build():
            return torch.backend
        slow = torch.accelerator in {Accelerator.ROCM, Accelerator.XPU} or ON_WINDOWS
        drawback = "compute on the CPU" if slow else "be several GB"
        say(f"   its index does not answer; the ordinary build is taken, which may {drawback}")
        return ""

    def _uv_reaches_the_build(self) -> bool:
        """Let uv try, without installing; uv itself may be missing for a system, pip never is."""
        if not self.layout.program("uv").exists():
            try:
                self.runner.run("installing uv", [*pip_install(self.layout), "uv"])
            except Unreachable:
                raise
            except SetupFailure:
                return False
        trial = [*uv_install(self.layout, self.wanted.torch.backend), "--dry-run", "torch"]
        return self.runner.try_to_run("asking for PyTorch", trial, _DRY_RUN_LIMIT_S) == 0

    def _stamp(self, extras: tuple[str, ...], python: str, *, torch: str, backend: str) -> None:
        layout = self.layout
        site_packages = contents.site_packages_of(layout.env, python)
        write_stamp(
            layout.stamp,
            Stamp(
                env=str(layout.env),
                clone=str(layout.clone),
                interpreter=os.path.realpath(layout.python),
                python=python,
                site_packages=site_packages.relative_to(layout.env).as_posix(),
                digest=digest_of((layout.pyproject, layout.constraints)),
                key=self._key(extras),
                extras=extras,
                torch=torch,
                backend=backend,
                installed=contents.installed_in(site_packages),
            ),
        )

    def _say_that_it_is_ready(self, took_s: float) -> None:
        stamp = read_stamp(self.layout.stamp)
        packages = len(stamp.installed) if stamp else 0
        size = contents.size_bytes(self.layout.env) / GB
        say(f"ready after {took_s:.0f} s: {packages} packages, {size:.2f} GB")


def pip_install(layout: Layout) -> list[str]:
    """Give the beginning of a pip command that installs tested versions."""
    pip = [str(layout.python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    return [*pip, "--constraint", str(layout.constraints)]


def uv_install(layout: Layout, backend: str) -> list[str]:
    """Give the beginning of a uv command that installs tested versions and one PyTorch build."""
    uv = [str(layout.program("uv")), "pip", "install", "--python", str(layout.python)]
    return [
        *uv,
        "--compile-bytecode",
        "--torch-backend",
        backend,
        "--constraint",
        str(layout.constraints),
    ]


def _require_venv() -> None:
    if find_spec("venv") and find_spec("ensurepip"):
        return
    raise SetupFailure(
        "This Python cannot make environments because its venv module is missing. On Debian and "
        f"Ubuntu: sudo apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    )
