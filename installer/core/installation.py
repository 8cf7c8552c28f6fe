"""An installation: complete environments beside each other, and a file that names the current one.

::

    ROOT/current.json           names the environment in use and the one before it
    ROOT/environments/NAME/     an environment; stamp.json in it is written last
    ROOT/tools/, python/, cache/    uv, and what uv downloads where it may not use its own folders
    ROOT/installer.lock, installer.log

An environment is never changed. An update makes another one, starts its program once, and then
replaces ``current.json``, so a kill at any moment leaves the old environment in use, and programs
that run keep their files. Programs in an environment hold absolute paths: a moved installation is
made anew.

One module despite its length: making, switching, checking and removing keep the same invariants.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from . import lock
from .accelerator import Accelerator, TorchBuild, serves
from .download import fetch_uv, find_uv, read_index_settings
from .errors import GB, InstallError, disk_full, from_os_error
from .runner import OnProgress, Progress, Runner

FORMAT = 2
PYTHONS = ">=3.11,<3.15"
CONSTRAINTS = Path(__file__).with_name("constraints.txt")
CUDA_OVERRIDES = Path(__file__).with_name("cuda-overrides.txt")
TORCH_CONSTRAINTS = Path(__file__).with_name("torch.txt")
OnWait = Callable[[], None]
Confirm = Callable[[str], bool]

_ON_WINDOWS = sys.platform == "win32"
# The ordinary package index has PyTorch with CUDA for Linux.
_ORDINARY_BYTES = 8 * GB
_PINS_TORCH = re.compile(r"^torch==", re.MULTILINE)
# Variables that would lead uv or Python out of the environment.
_LEADING_OUT = {
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "LD_LIBRARY_PATH",
    "UV_PYTHON",
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_TORCH_BACKEND",
    "UV_REQUIRE_HASHES",
    "UV_NO_VERIFY_HASHES",
    "__PYVENV_LAUNCHER__",
}


@dataclass(frozen=True)
class Environment:
    """A folder with a Python, the packages and the program."""

    folder: Path

    @property
    def scripts(self) -> Path:
        """The folder of its programs."""
        return self.folder / ("Scripts" if _ON_WINDOWS else "bin")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.program("python")

    @property
    def stamp(self) -> Path:
        """Says what it holds."""
        return self.folder / "stamp.json"

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        return self.scripts / (f"{name}.exe" if _ON_WINDOWS else name)


@dataclass(frozen=True)
class Request:
    """What is to be installed.

    Attributes:
        source: what it serves: the clone, or the wheel; told to people
        digest: changes when something else is to be installed
        arguments: for ``uv pip install``: the requirements
        torch: the build of PyTorch
        extras: the extras among the arguments
        program: the command that must exist and start
        constraints: the pinned versions with their hashes
        python: the interpreter to prefer, empty for any that serves
    """

    source: str
    digest: str
    arguments: tuple[str, ...]
    torch: TorchBuild
    extras: tuple[str, ...] = ()
    program: str = "scalediff"
    constraints: Path = CONSTRAINTS
    python: str = ""


@dataclass(frozen=True)
class Stamp:
    """What a complete environment holds; see `Request`.

    Attributes:
        folder: where it was made
        interpreter: the real path behind its ``python``
        site_packages: where packages lie, relative to the environment
        accelerator: what its PyTorch was chosen for
        extras: the extras that are installed
        installed: the record of each package -> the names that it owns in site-packages
    """

    folder: str
    source: str
    digest: str
    interpreter: str
    site_packages: str
    accelerator: str
    extras: list[str]
    installed: dict[str, list[str]]


@dataclass(frozen=True)
class Root:
    """The folder of an installation.

    Attributes:
        folder: a real path
        is_closed: whether uv's downloads stay in it, so that removing it removes everything
    """

    folder: Path
    is_closed: bool = False

    @property
    def pointer(self) -> Path:
        """Names the current environment."""
        return self.folder / "current.json"

    @property
    def environments(self) -> Path:
        """The folder of the environments."""
        return self.folder / "environments"

    @property
    def log(self) -> Path:
        """What uv said."""
        return self.folder / "installer.log"

    @property
    def lock(self) -> Path:
        """Held while something changes; also the sign that the folder is ours to change."""
        return self.folder / "installer.lock"

    @property
    def tools(self) -> Path:
        """The folder of uv."""
        return self.folder / "tools"

    def _named(self) -> dict[str, str]:
        try:
            found: Any = json.loads(self.pointer.read_text("utf-8"))
            return {key: str(found[key]) for key in ("current", "previous") if found.get(key)}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def current(self) -> Environment | None:
        """Return the environment in use; none if there is none."""
        return self._environment("current")

    def previous(self) -> Environment | None:
        """Return the environment that an update replaced and that is still there."""
        return self._environment("previous")

    def _environment(self, key: str) -> Environment | None:
        name = self._named().get(key, "")
        folder = self.environments / name
        return Environment(folder) if name and folder.is_dir() else None


def why_stale(root: Root, request: Request) -> str:
    """Say why an installation does not serve a request; empty if it does.

    Cheap enough for every start: a few dozen system calls and no process.
    """
    environment = root.current()
    stamp = None if environment is None else read_stamp(environment.stamp)
    if environment is None or stamp is None:
        return "it is not complete"
    wanted = request.torch.accelerator.value
    if stamp.folder != str(environment.folder):
        return f"it was made in {stamp.folder}"
    if stamp.source != request.source:
        return f"it served {stamp.source}"
    if not serves(stamp.accelerator, wanted):
        return f"its PyTorch is for {stamp.accelerator} and this machine has {wanted}"
    lacking = sorted(set(request.extras) - set(stamp.extras))
    if lacking:
        return f"it lacks {', '.join(lacking)}"
    if stamp.digest != request.digest:
        return "what it needs has changed"
    return _what_is_gone(environment, stamp, request.program)


def _what_is_gone(environment: Environment, stamp: Stamp, program: str) -> str:
    if not environment.python.exists():
        return "its Python is gone"
    if os.path.realpath(environment.python) != stamp.interpreter:
        return "its Python moved"
    if not environment.program(program).exists():
        return f"its {program} program is gone"
    site_packages = environment.folder / stamp.site_packages
    names = set(os.listdir(site_packages)) if site_packages.is_dir() else set[str]()  # noqa: PTH208
    for record, owned in stamp.installed.items():
        if record not in names or not names.issuperset(owned):
            return f"files of {record.partition('.dist-info')[0].replace('-', ' ')} are gone"
    return ""


def install(
    root: Root,
    request: Request,
    environ: Mapping[str, str],
    on_progress: OnProgress,
    on_wait: OnWait = lambda: None,
    confirm: Confirm | None = None,
) -> Environment:
    """Make an environment for a request unless the current one serves, and switch to it.

    Args:
        root: the folder of the installation
        request: what is to be installed
        environ: the environment variables
        on_progress: called while something is done; raising `Cancelled` stops it
        on_wait: called once if another process works on the installation
        confirm: asked before a much larger download than planned; None = always continue

    Raises:
        InstallError: it cannot be made; the sentence says why and what would help.
        Cancelled: the callback asked to stop.
    """
    needed_bytes = request.torch.needed_bytes
    try:
        _claim(root)
        with lock.held(root.lock, on_wait) as descriptor:
            current = root.current()
            if current is not None and not why_stale(root, request):
                return current
            runner = Runner(
                root.log, _environ(root, environ), descriptor, needed_bytes, on_progress
            )
            return _Work(root, request, environ, runner, confirm).make()
    except OSError as error:
        free_bytes = _free_bytes(root.folder)
        raise from_os_error(error, root.folder, free_bytes, needed_bytes) from error


def roll_back(root: Root) -> Environment | None:
    """Switch to the environment before the last update; none if it is gone."""
    with lock.held(root.lock, lambda: None):
        previous = root.previous()
        if previous is not None and read_stamp(previous.stamp) is not None:
            _point_to(root, previous, root.current())
            return previous
        return None


def uninstall(root: Root) -> None:
    """Remove what was installed; other files in the folder stay, and so does the folder then."""
    if not root.lock.is_file():
        return
    with lock.held(root.lock, lambda: None):
        # without the pointer nothing half removed is ever used
        for name in ("current.json", "bin", "lib", "pyvenv.cfg"):
            path = root.folder / name
            if path.is_symlink() or path == root.pointer:
                path.unlink(missing_ok=True)
        for name in ("environments", "tools", "python", "cache"):
            shutil.rmtree(root.folder / name, ignore_errors=True)
        root.log.unlink(missing_ok=True)
    root.lock.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        root.folder.rmdir()


def refresh_command(file: Path, root: Root, environment: Environment) -> None:
    """Let the command that starts the engine, a JSON list, use a new environment of a root."""
    with contextlib.suppress(OSError, ValueError, TypeError, IndexError):
        command: Any = json.loads(file.read_text("utf-8"))
        program = Path(command[0])
        if not file.is_symlink() and root.environments in program.parents:
            _write(file, [str(environment.scripts / program.name), *command[1:]])


def digest_of(*texts: str) -> str:
    """Return one digest of some texts."""
    whole = hashlib.sha256()
    for text in texts:
        raw = text.encode()
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.hexdigest()


def read_stamp(path: Path) -> Stamp | None:
    """Read a stamp; none if there is none, or one of another version of the installer."""
    try:
        raw: Any = json.loads(path.read_text("utf-8"))
        return Stamp(**raw) if raw.pop("format") == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _claim(root: Root) -> None:
    """Make sure of a folder that is ours to change: a new one, an empty one or one with our lock.

    Raises:
        InstallError: the folder holds something else.
    """
    root.folder.mkdir(parents=True, exist_ok=True)
    first_format = root.folder / "scalediff-lock"
    if not root.lock.exists() and not first_format.exists() and any(root.folder.iterdir()):
        raise InstallError(
            f"{root.folder} holds something that this program did not make. Rename it, or set "
            "SCALEDIFF_ENV to a new folder for the environment."
        )


def _environ(root: Root, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for uv: the user's, pip's settings, and where downloads go."""
    kept = {name: value for name, value in environ.items() if name not in _LEADING_OUT}
    kept.update(read_index_settings(environ).for_uv(environ))
    kept.update({"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "automatic"})
    kept.setdefault("UV_HTTP_TIMEOUT", "60")
    if root.is_closed:
        kept["UV_CACHE_DIR"] = str(root.folder / "cache")
        kept["UV_PYTHON_INSTALL_DIR"] = str(root.folder / "python")
        kept["UV_PYTHON_INSTALL_BIN"] = "0"
    return kept


@dataclass(frozen=True)
class _Work:
    """The making of one environment; the lock is held."""

    root: Root
    request: Request
    environ: Mapping[str, str]
    runner: Runner
    confirm: Confirm | None

    def make(self) -> Environment:
        root = self.root
        before = root.current()
        _remove_unused(root)
        free_bytes = _free_bytes(root.folder)
        if free_bytes < self.request.torch.needed_bytes:
            raise disk_full(root.folder, free_bytes, self.request.torch.needed_bytes)
        environment = Environment(root.environments / uuid.uuid4().hex[:8])
        root.environments.mkdir(exist_ok=True)
        try:
            self._fill(environment)
            _write_stamp(environment, self.request)
        except BaseException:
            shutil.rmtree(environment.folder, ignore_errors=True)
            raise
        _point_to(root, environment, before)
        _remove_first_format(root)
        return environment

    def _fill(self, environment: Environment) -> None:
        uv = self._uv()
        python = self.request.python or PYTHONS
        making = [str(uv), "venv", "--quiet", "--no-project", "--python", python]
        self.runner.run("making an empty environment", [*making, str(environment.folder)])
        command = [str(uv), "pip", "install", "--python", str(environment.python)]
        command += ["--constraint", str(self.request.constraints)]
        command += self._onnxruntime() + self._torch(command)
        step = "downloading and installing the packages"
        self.runner.run(step, [*command, "--compile-bytecode", *self.request.arguments])
        step = "starting the new program once"
        self.runner.run(step, [str(environment.program(self.request.program)), "--version"])

    def _uv(self) -> Path:
        found = find_uv(self.root.tools, self.environ)
        if found is not None:
            return found

        def on_bytes(done: int, total: int) -> None:
            self.runner.on_progress(Progress("downloading the installer", "uv", done, total))

        settings = read_index_settings(self.environ)
        return fetch_uv(self.root.tools, settings, self.environ, on_bytes)

    def _onnxruntime(self) -> list[str]:
        """Return the arguments for one distribution of onnxruntime: two overwrite each other."""
        on_x86 = platform.machine().lower() in {"x86_64", "amd64"}
        if self.request.torch.accelerator is Accelerator.CUDA and on_x86:
            return ["--override", str(CUDA_OVERRIDES), "onnxruntime-gpu"]
        return []

    def _torch(self, command: list[str]) -> list[str]:
        """Return the arguments for the build of PyTorch, after asking whether it can be had."""
        build = self.request.torch
        if not _PINS_TORCH.search(self.request.constraints.read_text("utf-8")):
            return []
        ordinary = ["--constraint", str(TORCH_CONSTRAINTS)]
        if not build.backend:
            return ordinary
        trial = [*command, "--dry-run", "torch"]
        step = "asking for PyTorch"
        chosen = ["--torch-backend", build.backend]
        asking = replace(self.runner, environ={**self.runner.environ, "UV_HTTP_RETRIES": "1"})
        if asking.attempt(step, [*trial, *chosen])[0] == 0:
            return chosen
        # a folder of wheels or a mirror may have the build
        exit_code, output = self.runner.attempt(step, trial)
        if exit_code == 0 and ("+" + build.backend[:2]) in output:
            return []
        if exit_code == 0 and build.accelerator is Accelerator.CPU and "nvidia-" not in output:
            return []
        if build.accelerator is not Accelerator.CUDA or _ON_WINDOWS:
            self._ask_for_the_ordinary_build()
        return ordinary

    def _ask_for_the_ordinary_build(self) -> None:
        build = self.request.torch
        on_processor = build.accelerator is not Accelerator.CPU
        question = (
            f"The index of PyTorch's build for {build.accelerator.value} does not answer. The "
            f"ordinary build is a download of about {_ORDINARY_BYTES / GB:.0f} GB"
            f"{' and computes on the processor' if on_processor else ''}."
        )
        if self.confirm is not None and not self.confirm(question):
            raise InstallError(f"{question} Nothing was installed. Try again later.")


def _write_stamp(environment: Environment, request: Request) -> None:
    folder = environment.folder
    pattern = "Lib/site-packages" if _ON_WINDOWS else "lib/python*/site-packages"
    site_packages = next(iter(folder.glob(pattern)))
    stamp = Stamp(
        folder=str(folder),
        source=request.source,
        digest=request.digest,
        interpreter=os.path.realpath(environment.python),
        site_packages=site_packages.relative_to(folder).as_posix(),
        accelerator=request.torch.accelerator.value,
        extras=list(request.extras),
        installed=_installed_in(site_packages),
    )
    _write(environment.stamp, {"format": FORMAT, **asdict(stamp)})


def _installed_in(site_packages: Path) -> dict[str, list[str]]:
    """Return the record of each package -> the names that it owns in site-packages."""
    installed: dict[str, list[str]] = {}
    for record in sorted(site_packages.glob("*.dist-info/RECORD")):
        with record.open(encoding="utf-8", newline="") as file:
            owned = {row[0].replace("\\", "/").split("/")[0] for row in csv.reader(file) if row}
        installed[record.parent.name] = sorted(owned - {"..", "__pycache__"})
    return installed


def _point_to(root: Root, environment: Environment, previous: Environment | None) -> None:
    named = {"current": environment.folder.name}
    if previous is not None:
        named["previous"] = previous.folder.name
    _write(root.pointer, named)
    if not _ON_WINDOWS and not root.is_closed:
        # for people and tools: ROOT/bin/python is the current one
        for name in ("bin", "lib", "pyvenv.cfg"):
            link = root.folder / name
            draft = root.folder / f".{name}.new"
            draft.unlink(missing_ok=True)
            draft.symlink_to(Path("environments", environment.folder.name, name))
            if link.is_dir() and not link.is_symlink():
                shutil.rmtree(link)
            draft.replace(link)


def _write(path: Path, content: object) -> None:
    """Write a file whole or not at all; only its owner can read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(draft, "w", encoding="utf-8", opener=_open_private) as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _open_private(file: str, flags: int) -> int:
    return os.open(file, flags, 0o600)


def _remove_unused(root: Root) -> None:
    """Remove environments that no pointer names: half-made ones, and those before the previous."""
    current = root.current()
    named = set[str]() if current is None else {current.folder.name}
    if root.environments.is_dir():
        for folder in root.environments.iterdir():
            if folder.name not in named:
                shutil.rmtree(folder, ignore_errors=True)


def _remove_first_format(root: Root) -> None:
    """Remove an environment that an earlier version of the installer made in the root itself."""
    mark = root.folder / "scalediff-lock"
    if mark.exists():
        for name in ("include", "lib64", "Lib", "Scripts", "share", "scalediff-tmp"):
            path = root.folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_symlink():
                path.unlink()
        for name in ("scalediff-stamp.json", "scalediff-install.log", "CACHEDIR.TAG"):
            (root.folder / name).unlink(missing_ok=True)
        mark.unlink()


def _free_bytes(path: Path) -> int:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return shutil.disk_usage(existing).free
