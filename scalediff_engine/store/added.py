"""The folders with models that the user has added; a file in the engine's folder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

from scalediff_engine.base.errors import DiskFull, NotFound, OutputError
from scalediff_engine.base.files import is_disk_full
from scalediff_engine.base.settings import load_json, save_json
from scalediff_engine.spec.family import Families
from scalediff_engine.store.scan import Scan, require_models

_lock = threading.Lock()


def file_in(data: Path) -> Path:
    """Say where the list is kept, in the engine's folder for data."""
    return data / "model-folders.json"


def added_folders(file: Path) -> tuple[Path, ...]:
    """Give the folders, in the order in which they were added; a damaged file counts as empty."""
    found: Any = load_json(file)
    words = cast("list[Any]", found) if isinstance(found, list) else []
    paths = (Path(word) for word in words if isinstance(word, str))
    return tuple(path for path in paths if path.is_absolute())


def add_folder(file: Path, folder: Path, families: Families) -> Scan:
    """Remember a folder, if there is a model in it; once only. Gives what is in it.

    Raises:
        ModelError: there is no model in it.
        OutputError: the list cannot be written.
    """
    found = require_models(folder, families)
    with _lock:
        known = added_folders(file)
        if folder not in known:
            _write(file, (*known, folder))
    return found


def forget_folder(file: Path, folder: Path) -> None:
    """Do not look into a folder any more; its files stay.

    Raises:
        NotFound: it was not added.
        OutputError: the list cannot be written.
    """
    with _lock:
        known = added_folders(file)
        if folder not in known:
            raise NotFound(f"{folder} is not among the folders that were added.")
        _write(file, tuple(path for path in known if path != folder))


def _write(file: Path, folders: tuple[Path, ...]) -> None:
    try:
        save_json(file, [str(path) for path in folders])
    except OSError as error:
        kind = DiskFull if is_disk_full(error) else OutputError
        raise kind(f"{file} cannot be written: {error.strerror}.") from error
