"""What can go wrong while the environment is made, as sentences for people."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import NamedTuple

GB = 1_000_000_000

_SIGNS_OF_A_FULL_DISK = ("No space left on device", "Errno 28", "not enough space on the disk")
_SIGNS_OF_NO_NETWORK = (
    "name resolution",
    "Failed to establish a new connection",
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Read timed out",
    "Network is unreachable",
    "ProxyError",
    "dns error",
    "error sending request",
    "SSLError",
    "IncompleteRead",
    "Connection broken",
)
_SIGNS_OF_NO_PERMISSION = ("Permission denied", "Read-only file system", "Access is denied")
_NO_SUCH_PACKAGE = re.compile(r"No matching distribution found for ([^\s(]+)")


class SetupFailure(Exception):
    """The environment cannot be made; ``str(error)`` is the sentence to show."""


class StepEnd(NamedTuple):
    """How an installation step ended, and what it wrote."""

    step: str
    exit_code: int
    said: str


class Unreachable(SetupFailure):
    """The package index does not answer."""


def disk_full(env: Path, free_bytes: int, needed_bytes: int) -> SetupFailure:
    """Give the failure for a disk without room for the environment."""
    return SetupFailure(
        f"The environment needs {needed_bytes / GB:.1f} GB and the disk of {env} has "
        f"{free_bytes / GB:.1f} GB free. Free some space, or set SCALEDIFF_ENV to a folder on "
        "another disk."
    )


def not_writable(path: Path) -> SetupFailure:
    """Give the failure for a folder where this user may not write."""
    return SetupFailure(
        f"{path} cannot be written by this user. Set SCALEDIFF_ENV to a folder that can be, and "
        "the environment is made there."
    )


def from_os_error(error: OSError, env: Path, free_bytes: int, needed_bytes: int) -> SetupFailure:
    """Give the failure that an operating system's error amounts to."""
    if error.errno == errno.ENOSPC:
        return disk_full(env, free_bytes, needed_bytes)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return not_writable(Path(error.filename or env))
    return SetupFailure(f"The environment {env} could not be made: {error}.")


def from_log(end: StepEnd, log: Path, needed_bytes: int) -> SetupFailure:
    """Give the failure that an installation step's own words amount to.

    A retry that succeeded leaves its warning in the log too, so this is for a step that failed.
    """

    def shows(signs: tuple[str, ...]) -> bool:
        return any(sign in end.said for sign in signs)

    more = f"The whole log: {log}"
    if shows(_SIGNS_OF_A_FULL_DISK):
        return SetupFailure(
            f"The disk became full during this step: {end.step}. The environment needs about "
            f"{needed_bytes / GB:.0f} GB, pip's cache of downloads not counted. {more}"
        )
    if shows(_SIGNS_OF_NO_NETWORK):
        return Unreachable(
            "The package index cannot be reached. The first start downloads the environment, so "
            f"connect to the network and start again. {more}"
        )
    missing = _NO_SUCH_PACKAGE.search(end.said)
    if missing:
        return SetupFailure(
            f"The package index has no {missing[1]} for this system and this Python. {more}"
        )
    if shows(_SIGNS_OF_NO_PERMISSION):
        return SetupFailure(f"A file could not be written during this step: {end.step}. {more}")
    failed = f"This step failed with exit code {end.exit_code}: {end.step}."
    return SetupFailure(f"{failed}{_own_words(end.said)} {more}")


def _own_words(said: str) -> str:
    """Give the line that tells most: the first that calls itself an error, else the last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error:", "fatal"))]
    telling = [*errors[:1], *lines[-1:]]
    return f' It said: "{telling[0][:200]}".' if telling else ""
