"""Looks through a folder for models, and says of each file that is none why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from scalediff_engine.base.errors import ModelError, ScaleDiffError
from scalediff_engine.spec.checkpoint import Checkpoint
from scalediff_engine.spec.family import Families
from scalediff_engine.store.inspect import inspect
from scalediff_engine.store.programs import inside

_DEEPEST = 4
# More than that in one folder is no collection of models.
_MOST = 2000
# And more than that is a whole disk, or a folder of the system such as /proc.
_MOST_ENTRIES = 50_000
_SUFFIXES = (".safetensors", ".ckpt", ".gguf")
_PARTS = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2")


@dataclass(frozen=True)
class Refused:
    """A file or folder that looks like a model and cannot be used.

    Attributes:
        path: of it
        error: why
    """

    path: Path
    error: ScaleDiffError


@dataclass(frozen=True)
class Scan:
    """What is in a folder.

    Attributes:
        models: that can be used, by path
        refused: what else looks like one
        is_whole: whether all of the folder was looked through; it may hold too much
    """

    models: tuple[Checkpoint, ...] = ()
    refused: tuple[Refused, ...] = ()
    is_whole: bool = True


def scan(folder: Path, families: Families) -> Scan:
    """Look through a folder, and those in it; links are followed, each place is seen once.

    Raises:
        ModelError: there is no such folder, or it cannot be read.
    """
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {error.strerror or error}.") from error
    roots = [place.path for place in inside(folder)] or [folder]
    models: list[Checkpoint] = []
    refused: list[Refused] = []
    search = _Search()
    for path in (path for root in roots for path in search.candidates(root, 0)):
        found = _inspected(path, families)
        if isinstance(found, Checkpoint):
            models.append(found)
        else:
            refused.append(Refused(path, found))
        if len(models) + len(refused) >= _MOST:
            break
    return Scan(tuple(models), tuple(refused), search.entries_left > 0)


def require_models(folder: Path, families: Families) -> Scan:
    """Look through a folder that somebody wants to add.

    Raises:
        ModelError: it cannot be read, or there is no model in it; the sentence says what there is.
    """
    found = scan(folder, families)
    if not found.is_whole:
        raise ModelError(
            f"{folder} holds more than {_MOST_ENTRIES:,} files and folders, {_DEEPEST} folders "
            "deep. Choose the folder in it that holds the models."
        )
    if found.models:
        return found
    if found.refused:
        first = found.refused[0]
        raise ModelError(
            f"None of the {len(found.refused)} files in {folder} that look like models can be "
            f"used. {first.error}"
        )
    raise ModelError(
        f"There is no model in {folder}: no .safetensors file and no folder with a "
        f"model_index.json, {_DEEPEST} folders deep."
    )


class _Search:
    """Looks for what may be a model; each place is seen once, and no more than so many."""

    def __init__(self) -> None:
        self.entries_left = _MOST_ENTRIES
        self._seen: set[str] = set()

    def candidates(self, folder: Path, depth: int) -> Iterator[Path]:
        """Give files and folders that may be models."""
        real = os.path.realpath(folder)
        if real in self._seen:
            return
        self._seen.add(real)
        inside = self._inside(folder)
        if any(path.name == "model_index.json" for path in inside):
            yield folder
            return
        yield from (path for path in inside if path.suffix.lower() in _SUFFIXES and _is_file(path))
        if depth < _DEEPEST:
            for path in inside:
                if path.name not in _PARTS and _is_dir(path):
                    yield from self.candidates(path, depth + 1)

    def _inside(self, folder: Path) -> list[Path]:
        found: list[Path] = []
        with suppress(OSError), os.scandir(folder) as entries:  # not ours to read: others count
            for entry in entries:
                if self.entries_left <= 0:
                    break
                self.entries_left -= 1
                if not entry.name.startswith("."):
                    found.append(Path(entry.path))
        return sorted(found)


def _is_file(path: Path) -> bool:
    # unlike those of Path, these raise nothing
    return os.path.isfile(path)  # noqa: PTH113


def _is_dir(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112


def _inspected(path: Path, families: Families) -> Checkpoint | ScaleDiffError:
    try:
        status = path.stat()
    except OSError as error:
        return ModelError(f"{path} cannot be read: {error.strerror or error}.")
    if path.is_dir():  # what is in it may change without the folder's own time
        return _asked(path, families)
    return _remembered(path, families, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4 * _MOST)
def _remembered(
    path: Path, families: Families, _modified_ns: int, _size_bytes: int
) -> Checkpoint | ScaleDiffError:
    """Inspect a file once, for as long as it stays as it is."""
    return _asked(path, families)


def _asked(path: Path, families: Families) -> Checkpoint | ScaleDiffError:
    try:
        str(path).encode()
        return inspect(path, families)
    except ScaleDiffError as error:
        return error
    except (OSError, ValueError) as error:
        return ModelError(f"{path.name!r} cannot be read: {error}.")
