"""Takes a download out of the cache again; nothing outside the cache is ever touched."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from scalediff_engine.base.errors import ModelError, OutputError
from scalediff_engine.store.hub_cache import repository_folder


def disk_bytes(folder: Path) -> int:
    """What a folder takes on the disk; links count as nothing. 0 if there is none."""
    total = 0
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            try:
                status = path.lstat()
            except OSError:  # gone meanwhile
                continue
            total += 0 if stat.S_ISLNK(status.st_mode) else status.st_size
    return total


def remove_download(cache: Path, hub_id: str) -> int:
    """Delete a model that is in the cache, and what has arrived of one; gives the bytes.

    Raises:
        ModelError: it is not in the cache itself: missing, or a link to elsewhere.
        OutputError: something of it could not be deleted.
    """
    folder = repository_folder(cache, hub_id)
    if folder.is_symlink() or not folder.is_dir() or folder.resolve().parent != cache.resolve():
        raise ModelError(f"{hub_id} is not in {cache} itself, so it is not deleted from here.")
    before = disk_bytes(folder)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(cache / ".locks" / folder.name, ignore_errors=True)
    if folder.exists():
        left = disk_bytes(folder)
        raise OutputError(
            f"{(before - left) / 1e9:.1f} GB were freed; {left / 1e9:.1f} GB in {folder} cannot be "
            "deleted: they are in use, or belong to another user."
        )
    return before
