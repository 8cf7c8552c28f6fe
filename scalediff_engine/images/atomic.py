"""A file appears whole or not at all, and never in place of one that should stay."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from scalediff_engine.base.errors import DiskFull, OutputError, OutputExists

PART_PREFIX = ".scalediff-"

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def write_whole(
    path: Path,
    data: bytes,
    *,
    overwrite: bool = False,
    part: str | None = None,
    private: bool = False,
) -> None:
    """Write ``data`` to a temporary file beside ``path``, flush it to the disk, then rename it.

    Whatever goes wrong - also a KeyboardInterrupt - leaves no temporary file, and an older file
    at ``path`` as it was. With ``overwrite``, a link is followed and permissions are kept.
    ``part`` is in the temporary file's name, for ``sweep_part``; ``private`` as for ``whole``.

    Raises:
        OutputExists: there is a file already, or one appeared meanwhile, and not ``overwrite``.
        DiskFull: no space, or no quota, left.
        OutputError: the folder is missing or may not be written to, or any other failure.
    """
    with whole(path, len(data), overwrite=overwrite, part=part, private=private) as file:
        file.write(data)


@contextmanager
def whole(
    path: Path,
    size_bytes: int,
    *,
    overwrite: bool = False,
    part: str | None = None,
    private: bool = False,
) -> Generator[BinaryIO]:
    """Open a file that appears at ``path`` when the block ends; see ``write_whole``.

    An error in the block leaves nothing, as any other does; an ``OSError`` is taken for one of
    writing.

    Args:
        path: of the file
        size_bytes: that will be written, for the sentence that there is no room for them
        overwrite: whether an older file is replaced
        part: word in the temporary file's name; None = one that nobody knows
        private: whether only the owner may read the file, whatever the umask and an older file say

    Raises:
        OutputError: as ``write_whole``.
    """
    require_writable(path, overwrite=overwrite)
    target = _replaced(path, overwrite=overwrite)
    temporary = _part_of(target, part or secrets.token_hex(8))
    with _sentences(path, size_bytes):
        try:
            with open(temporary, "xb", opener=private_opener if private else None) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                if not private:
                    _keep_permissions(target, temporary)
                temporary.replace(target)
            else:
                _rename_to_new(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        _flush_folder(target.parent)


def private_opener(file: str, flags: int) -> int:
    """Open a file, as ``open`` asks for it; a new one is its owner's alone."""
    return os.open(file, flags, 0o600)


def sweep(folder: Path) -> None:
    """Delete what a process left that was killed while it wrote into ``folder``."""
    with suppress(OSError):
        for part in folder.glob(f"{PART_PREFIX}*.part"):
            part.unlink(missing_ok=True)


def sweep_part(path: Path, part: str, *, overwrite: bool = False) -> None:
    """Delete what a process left that was killed in ``write_whole`` with the same words."""
    with suppress(OSError):
        _part_of(_replaced(path, overwrite=overwrite), part).unlink(missing_ok=True)


def _replaced(path: Path, *, overwrite: bool) -> Path:
    """The file itself, where a link to it is followed."""
    return path.resolve() if overwrite and path.is_symlink() else path


def _part_of(target: Path, part: str) -> Path:
    return target.parent / f"{PART_PREFIX}{part}.part"


def require_writable(path: Path, *, overwrite: bool = False) -> None:
    """Pass if a file could be written to ``path`` as things are now; ask before long work.

    Raises:
        OutputExists: there is a file already and not ``overwrite``.
        OutputError: a folder is in the way, or its own folder is missing.
    """
    with _sentences(path, 0):
        if path.is_dir():
            raise OutputError(f"{path} is a folder; name a file in it.")
        if not overwrite and os.path.lexists(path):
            raise OutputExists(f"{path} exists already; --overwrite would replace it.")
        if not path.parent.is_dir():
            raise OutputError(f"The folder {path.parent} does not exist.")


@contextmanager
def _sentences(path: Path, size_bytes: int) -> Generator[None]:
    try:
        yield
    except FileExistsError as error:
        raise OutputExists(f"{path} exists already; --overwrite would replace it.") from error
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"The disk or quota is full: {path} needs {size_bytes / 2**20:.1f} MiB; "
                "nothing was written."
            ) from error
        if error.errno in _DENIED:
            raise OutputError(f"{path.parent} may not be written to: permission denied.") from error
        reason = error.strerror or str(error)
        raise OutputError(f"{path} cannot be written: {reason}.") from error
    except ValueError as error:  # a null character in the name
        raise OutputError(f"{path} cannot be written: {error}.") from error


def _keep_permissions(target: Path, temporary: Path) -> None:
    with suppress(OSError):
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))


def _rename_to_new(temporary: Path, target: Path) -> None:
    """Rename unless ``target`` exists, in one step that no other program can come between."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        _claim_and_replace(temporary, target)  # no hard links here: FAT, some network shares


def _claim_and_replace(temporary: Path, target: Path) -> None:
    target.touch(exist_ok=False)
    try:
        temporary.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
