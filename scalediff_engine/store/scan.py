"""Looks through a folder for models, and says of each file that is none why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from scalediff_engine.base.errors import ModelError, ScaleDiffError
from scalediff_engine.spec.checkpoint import Checkpoint
from scalediff_engine.store.inspect import inspect
from scalediff_engine.store.programs import inside

_DEEPEST = 4
# More than that in one folder is no collection of models.
_MOST = 2000
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
    """

    models: tuple[Checkpoint, ...] = ()
    refused: tuple[Refused, ...] = ()


def scan(folder: Path) -> Scan:
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
    seen: set[Path] = set()
    for path in (path for root in roots for path in _candidates(root, 0, seen)):
        found = _inspected(path)
        if isinstance(found, Checkpoint):
            models.append(found)
        else:
            refused.append(Refused(path, found))
        if len(models) + len(refused) >= _MOST:
            break
    return Scan(tuple(models), tuple(refused))


def require_models(folder: Path) -> Scan:
    """Look through a folder that somebody wants to add.

    Raises:
        ModelError: it cannot be read, or there is no model in it; the sentence says what there is.
    """
    found = scan(folder)
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


def _candidates(folder: Path, depth: int, seen: set[Path]) -> Iterator[Path]:
    try:
        real = folder.resolve()
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except (OSError, RuntimeError):  # not ours to read: what is in the others still counts
        return
    if real in seen:
        return
    seen.add(real)
    if any(path.name == "model_index.json" for path in inside):
        yield folder
        return
    yield from (path for path in inside if path.suffix.lower() in _SUFFIXES and path.is_file())
    if depth < _DEEPEST:
        for path in inside:
            if path.name not in _PARTS and path.is_dir():
                yield from _candidates(path, depth + 1, seen)


def _inspected(path: Path) -> Checkpoint | ScaleDiffError:
    try:
        status = path.stat()
    except OSError as error:
        return ModelError(f"{path} cannot be read: {error.strerror or error}.")
    if path.is_dir():  # what is in it may change without the folder's own time
        return _asked(path)
    return _remembered(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4 * _MOST)
def _remembered(path: Path, _modified_ns: int, _size_bytes: int) -> Checkpoint | ScaleDiffError:
    """Inspect a file once, for as long as it stays as it is."""
    return _asked(path)


def _asked(path: Path) -> Checkpoint | ScaleDiffError:
    try:
        str(path).encode()
        return inspect(path)
    except ScaleDiffError as error:
        return error
    except (OSError, ValueError) as error:
        return ModelError(f"{path.name!r} cannot be read: {error}.")
