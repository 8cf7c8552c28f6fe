"""Whether a process is there, asked without disturbing it."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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
    except PermissionError:  # the number went to somebody else
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Tell whether it has ended and nobody has asked how; known on Linux alone."""
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
