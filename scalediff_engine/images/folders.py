"""The folder that a result goes to: whether it takes files, and made if it is not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scalediff_engine.base.errors import DiskFull, OutputError
from scalediff_engine.images.atomic import FULL


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


def make_folder(path: Path) -> None:
    """Make the folder of ``path`` if it is not there.

    Raises:
        OutputError: it cannot be made; DiskFull for want of room.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"The folder {path.parent} cannot be made: {error.strerror}."
        raise (DiskFull if error.errno in FULL else OutputError)(sentence) from error
