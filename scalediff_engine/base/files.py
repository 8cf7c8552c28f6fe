"""Files that appear whole or not at all, and never in place of one that should stay; disk space."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from scalediff_engine.base.errors import DiskFull, OutputError, OutputExists
from scalediff_engine.base.text import file_size
from scalediff_engine.client.files import PART_PREFIX, draft_of, replace, whole_file

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
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

    def publish(draft: Path, target: Path) -> None:
        if not overwrite:
            _rename_to_new(draft, target)
            return
        if not private:
            _keep_permissions(target, draft)
        replace(draft, target)

    with (
        _sentences(path, size_bytes),
        whole_file(target, private=private, flush=True, word=part, publish=publish) as file,
    ):
        yield file
    _flush_folder(target.parent)


def sweep(folder: Path) -> None:
    """Delete what a process left that was killed while it wrote into ``folder``."""
    with suppress(OSError):
        for part in folder.glob(f"{PART_PREFIX}*.part"):
            part.unlink(missing_ok=True)


def sweep_part(path: Path, part: str, *, overwrite: bool = False) -> None:
    """Delete what a process left that was killed in ``write_whole`` with the same words."""
    with suppress(OSError):
        draft_of(_replaced(path, overwrite=overwrite), part).unlink(missing_ok=True)


def _replaced(path: Path, *, overwrite: bool) -> Path:
    """The file itself, where a link to it is followed."""
    return path.resolve() if overwrite and path.is_symlink() else path


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
        if is_disk_full(error):
            raise DiskFull(
                f"The disk or quota is full: {path} needs {file_size(size_bytes)}; "
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


def same_place(path: str) -> str:
    """Return a key that two absolute paths share if they are one file, as far as names tell."""
    path = os.path.normpath(path)
    return path.casefold() if sys.platform in ("win32", "darwin") else path


def is_disk_full(error: OSError) -> bool:
    """Tell whether an error says that the disk or the user's quota is full."""
    return error.errno in _FULL


def require_folder(path: Path) -> None:
    """Pass if the folder of ``path`` takes files, or could be made.

    Raises:
        OutputError: it is no folder, or read-only.
    """
    folder = nearest_folder(path.parent)
    if not folder.is_dir():
        raise OutputError(f"{path} cannot be written: {folder} is not a folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path} cannot be written: the folder {folder} is read-only.")


def make_folder(path: Path) -> None:
    """Make the folder of ``path`` if it is not there.

    Raises:
        OutputError: it cannot be made; DiskFull for want of room.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"The folder {path.parent} cannot be made: {error.strerror}."
        raise (DiskFull if is_disk_full(error) else OutputError)(sentence) from error


def nearest_folder(folder: Path) -> Path:
    """Give ``folder``, or the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def disk_of(path: Path) -> int:
    """Give the number of the disk that ``path`` is or would be on."""
    return nearest_folder(path.parent).stat().st_dev


def free_bytes(folder: Path) -> int:
    """Give the free space of the disk that ``folder`` is or would be on.

    Raises:
        OSError: the system cannot tell.
    """
    return shutil.disk_usage(nearest_folder(folder)).free
