"""Where the engine lives on this computer, the file that says how to reach it, and its process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from . import codec
from .errors import UnsafeEngineFile
from .files import make_private, whole_file


def process_space() -> str:
    """Name the space in which process numbers count for us; empty where there is only one."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Tell whether we have a process of this number in our space; other users' are none of ours."""
    if pid <= 0:
        return False
    if sys.platform == "win32":  # os.kill would end it there
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # the id belongs to another user's process
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Return whether it is a zombie; known on Linux only."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return status.rpartition(b")")[2].split()[:1] == [b"Z"]


def _is_alive_on_windows(pid: int) -> bool:
    """Ask the kernel for the process's exit code.

    Source: OpenProcess and GetExitCodeProcess, processthreadsapi.h.
    """
    import ctypes

    query_limited_information, still_active, access_denied = 0x1000, 259, 5
    kernel = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return bool(getattr(ctypes, "get_last_error")() == access_denied)  # noqa: B009
    code = ctypes.c_ulong()
    known = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
    kernel.CloseHandle(ctypes.c_void_p(handle))
    return bool(known) and code.value == still_active


HOME_VARIABLE = "SCALEDIFF_HOME"
_MAX_BYTES = 1 << 16


@dataclass(frozen=True)
class Places:
    """The paths below the engine's home folder."""

    home: Path

    @property
    def run(self) -> Path:
        """What holds only while an engine runs."""
        return self.home / "run"

    @property
    def engine_file(self) -> Path:
        """Says how to reach the engine."""
        return self.run / "engine.json"

    @property
    def engine_lock(self) -> Path:
        """Held by the engine."""
        return self.run / "engine.lock"

    @property
    def worker_lock(self) -> Path:
        """Held by the process that computes."""
        return self.run / "worker.lock"

    @property
    def command_file(self) -> Path:
        """Says how to start an engine."""
        return self.home / "engine-command.json"

    @property
    def data(self) -> Path:
        """Spool and store."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """Logs."""
        return self.home / "log"

    @property
    def engine_log(self) -> Path:
        """What the engine did."""
        return self.log / "engine.log"

    @property
    def start_log(self) -> Path:
        """What an engine said that did not get as far as its own log."""
        return self.log / "engine-start.log"


@dataclass(frozen=True)
class EngineRecord:
    """How to reach the engine that runs.

    Attributes:
        pid: its process
        port: on 127.0.0.1
        token: what each request must carry
        protocol: the version of the wire that it speaks
        version: of the program
        started_at: moment, in seconds since 1970
        pid_space: in which space of process numbers ``pid`` counts; empty = there is only one
    """

    pid: int
    port: int
    token: str
    protocol: int
    version: str
    started_at: float
    pid_space: str = ""


def default_home(
    environ: Optional[Mapping[str, str]] = None,
    platform: str = sys.platform,
    user_home: Optional[Path] = None,
) -> Path:
    """Give the engine's home folder, the same for an editor and a terminal.

    ``XDG_DATA_HOME`` and its like are not asked on purpose: an editor from a Flatpak or a snap has
    others than a terminal, and the two would not find one engine.

    Args:
        environ: the environment; ``SCALEDIFF_HOME`` in it has the last word
        platform: as ``sys.platform``
        user_home: the user's home folder
    """
    environ = os.environ if environ is None else environ
    told = environ.get(HOME_VARIABLE)
    if told:
        return Path(told).absolute()
    user = Path.home() if user_home is None else user_home
    if platform == "win32":
        local = environ.get("LOCALAPPDATA")
        return (Path(local) if local else user / "AppData" / "Local") / "scalediff"
    if platform == "darwin":
        return user / "Library" / "Application Support" / "scalediff"
    return user / ".local" / "share" / "scalediff"


def read_engine(places: Places) -> Optional[EngineRecord]:
    """Give the engine that runs; none if the file is missing, damaged or left by a dead process.

    Raises:
        UnsafeEngineFile: somebody else owns the file or may read it.
    """
    record = _read(places.engine_file)
    if record is None:
        return None
    # A sandbox has process numbers of its own and sees none of those outside.
    if record.pid_space == process_space() and not is_alive(record.pid):
        return None
    return record


def write_engine(places: Places, record: EngineRecord) -> None:
    """Say how to reach this engine; the file appears whole, and nobody else can ever read it."""
    make_private(places.run)
    _write_own(places.engine_file, codec.dumps(record))


def remove_engine(places: Places, record: EngineRecord) -> None:
    """Take the file away if it still is this engine's."""
    try:
        mine = _read(places.engine_file) == record
    except UnsafeEngineFile:
        mine = False
    if mine:
        places.engine_file.unlink(missing_ok=True)


def read_command(places: Places) -> Optional[list[str]]:
    """Give the command that starts an engine, if somebody wrote it down.

    Raises:
        UnsafeEngineFile: somebody else could have written it.
    """
    data = _read_own(places.command_file, private=False)
    return None if data is None else parse_command(data)


def write_command(places: Places, command: list[str]) -> None:
    """Say how to start an engine."""
    _write_own(places.command_file, json.dumps(command).encode())


def parse_command(data: bytes) -> Optional[list[str]]:
    """Read a JSON list of words; none if it is something else."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not found:
        return None
    words = [word for word in found if isinstance(word, str)]
    return words if len(words) == len(found) else None


def _write_own(file: Path, data: bytes) -> None:
    """Write a file that appears whole and that only its owner can read."""
    with whole_file(file, private=True) as opened:
        opened.write(data)


def _read(file: Path) -> Optional[EngineRecord]:
    data = _read_own(file, private=True)
    if data is None:
        return None
    try:
        record = codec.loads(EngineRecord, data)
    except codec.Malformed:
        return None
    return record if 0 < record.port < 1 << 16 else None


def _read_own(file: Path, *, private: bool) -> Optional[bytes]:
    """Give what a file of ours holds; none if there is no such file."""
    try:
        if file.is_symlink():
            raise UnsafeEngineFile(f"{file} is a link and not used. Delete it and try again.")
        with open(file, "rb", opener=_open_no_link) as opened:
            _require_own(os.fstat(opened.fileno()), file, private=private)
            return opened.read(_MAX_BYTES)
    except OSError:
        return None


def _open_no_link(file: str, flags: int) -> int:
    return os.open(file, flags | getattr(os, "O_NOFOLLOW", 0))


def _require_own(found: os.stat_result, file: Path, *, private: bool) -> None:
    if sys.platform == "win32":  # the folder is the user's own there
        return
    if found.st_uid != os.geteuid():
        raise UnsafeEngineFile(
            f"{file} belongs to another user and is not used. Delete it and try again."
        )
    others = found.st_mode & (0o077 if private else 0o022)
    if others:
        verb = "read or change" if private else "change"
        raise UnsafeEngineFile(
            f"Others may {verb} {file}, so it is not used. Delete it and try again."
        )
