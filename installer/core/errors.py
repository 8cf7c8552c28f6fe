"""What can go wrong during an installation, as sentences for people."""

from __future__ import annotations

import errno
import re
from pathlib import Path

GB = 1_000_000_000

_FULL_DISK = ("No space left on device", "os error 28", "Errno 28", "not enough space on the disk")
_UNTRUSTED = (
    "CERTIFICATE_VERIFY_FAILED",
    "invalid peer certificate",
    "UnknownIssuer",
    "self-signed certificate",
    "certificate verify failed",
)
_BAD_HASH = ("Hash mismatch", "hash mismatch")
_NO_NETWORK = (
    "dns error",
    "client error (Connect)",
    "Connection refused",
    "Network is unreachable",
    "name resolution",
    "operation timed out",
)
_CUT = (
    "Failed to read from zip file",
    "Failed to extract",
    "Failed to download",
    "Failed to fetch",
    "error sending request",
    "error decoding response body",
    "end of file before message length",
    "connection closed",
    "onnection reset",
)
_NO_PYTHON = ("No interpreter found", "No download found", "python-build-standalone")
_NO_PERMISSION = ("Permission denied", "Read-only file system", "Access is denied")
_NO_VERSION = re.compile(r"there (?:is|are) no versions? of ([A-Za-z0-9._-]+(?:[=<>]=\S+)?)")
_NOT_FOUND = re.compile(r"[Bb]ecause ([A-Za-z0-9._-]+) was not found")


class InstallError(Exception):
    """The installation cannot go ahead; ``str(error)`` is the sentence to show."""


class Unreachable(InstallError):
    """The package index does not answer."""


class Cancelled(Exception):
    """The progress callback asked to stop; what was installed before still works."""


def disk_full(folder: Path, free_bytes: int, needed_bytes: int) -> InstallError:
    """Return the error for a disk without room for the environment."""
    return InstallError(
        f"The environment needs {needed_bytes / GB:.1f} GB and the disk of {folder} has "
        f"{free_bytes / GB:.1f} GB free. Free some space, or set SCALEDIFF_ENV to a folder on "
        "another disk."
    )


def not_writable(path: Path) -> InstallError:
    """Return the error for a folder where this user may not write."""
    return InstallError(
        f"{path} cannot be written by this user. Set SCALEDIFF_ENV to a folder that can be, and "
        "the environment is made there."
    )


def from_os_error(error: OSError, folder: Path, free_bytes: int, needed_bytes: int) -> InstallError:
    """Return the error that an operating system's error amounts to."""
    if error.errno == errno.ENOSPC:
        return disk_full(folder, free_bytes, needed_bytes)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return not_writable(Path(error.filename or folder))
    return InstallError(f"The environment {folder} could not be made: {error}.")


def untrusted(host: str) -> InstallError:
    """Return the error for a server whose certificate is not trusted."""
    return InstallError(
        f"The certificate of {host} is not trusted (CERTIFICATE_VERIFY_FAILED). In a company "
        "network, add the company's certificate authority to the system's certificates, or set "
        "SSL_CERT_FILE to its .pem file, and try again."
    )


def unreachable(host: str) -> Unreachable:
    """Return the error for a server that does not answer."""
    return Unreachable(
        f"{host} cannot be reached. The installation downloads from it: connect to the network, "
        "or set HTTPS_PROXY to your proxy, and try again."
    )


def from_log(step: str, exit_code: int, output: str, log: Path, needed_bytes: int) -> InstallError:
    """Return the error that the output of a failed step amounts to.

    Args:
        step: what was done, for people
        exit_code: of the program
        output: what this step wrote into the log
        log: the file with everything
        needed_bytes: what the whole environment needs on the disk
    """

    def shows(signs: tuple[str, ...]) -> bool:
        return any(sign in output for sign in signs)

    more = f"The whole log: {log}"
    if shows(_FULL_DISK):
        return InstallError(
            f"The disk became full during this step: {step}. The environment needs about "
            f"{needed_bytes / GB:.0f} GB, the cache of downloads not counted. {more}"
        )
    if shows(_UNTRUSTED):
        return InstallError(f"{untrusted('the package index')} {more}")
    if shows(_BAD_HASH):
        return InstallError(
            "A downloaded file is not the one that was tested: its SHA-256 differs. Nothing of it "
            f"was installed. Try again; if it stays, the package index is not to be trusted. {more}"
        )
    if shows(_NO_PYTHON):
        return InstallError(
            "No Python from 3.11 to 3.14 was found, and none could be downloaded. Install one "
            f"(www.python.org, or your system's packages) and try again. {more}"
        )
    if shows(_NO_NETWORK):
        return Unreachable(f"{unreachable('The package index')} {more}")
    if shows(_CUT):
        return Unreachable(
            f"A download broke off. Files that are complete are kept: try again. {more}"
        )
    missing = _NO_VERSION.search(output) or _NOT_FOUND.search(output)
    if missing:
        return InstallError(
            f"The package index has no {missing[1]} for this system and this Python. {more}"
        )
    if shows(_NO_PERMISSION):
        return InstallError(f"A file could not be written during this step: {step}. {more}")
    failed = f"This step failed with exit code {exit_code}: {step}."
    return InstallError(f"{failed}{_own_words(output)} {more}")


def _own_words(output: str) -> str:
    """Return the line that tells most: the first that calls itself an error, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error:", "fatal"))]
    telling = [*errors[:1], *lines[-1:]]
    return f' It said: "{telling[0][:200]}".' if telling else ""
