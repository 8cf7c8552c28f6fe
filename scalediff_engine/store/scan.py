"""Model folders of other programs and of the user, and the models in them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from scalediff_engine.base.errors import DiskFull, ModelError, NotFound, OutputError, ScaleDiffError
from scalediff_engine.base.files import is_disk_full
from scalediff_engine.base.settings import load_json, save_json
from scalediff_engine.spec.checkpoint import Checkpoint
from scalediff_engine.spec.family import Families
from scalediff_engine.store.inspect import inspect

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


# Below the folder of a program; those of the first kind that are there are looked through.
_INSIDE = (
    ("ComfyUI", ("models/checkpoints", "models/diffusion_models", "models/unet")),
    ("A1111/Forge", ("models/Stable-diffusion",)),
)
_COMFY = (
    "ComfyUI",
    "comfy/ComfyUI",
    "Documents/ComfyUI",
    "ComfyUI_windows_portable/ComfyUI",
    ".local/share/krita/ai_diffusion/server/ComfyUI",
    "AppData/Roaming/krita/ai_diffusion/server/ComfyUI",
    "Library/Application Support/krita/ai_diffusion/server/ComfyUI",
)
_WEBUI = (
    "stable-diffusion-webui",
    "stable-diffusion-webui-forge",
    "stable-diffusion-webui-reForge",
    "Forge",
)
_INVOKE = ("invokeai", "InvokeAI")


class Place(NamedTuple):
    """A folder with models.

    Attributes:
        path: of the folder
        source: whose it is
    """

    path: Path
    source: str


def places_of_programs(environment: Mapping[str, str]) -> tuple[Place, ...]:
    """The folders of ComfyUI, of A1111 and Forge, and of InvokeAI that are there.

    Args:
        environment: tells the home folder; ``COMFYUI_PATH``, ``SD_WEBUI_PATH`` and
            ``INVOKEAI_ROOT`` in it name a program's folder elsewhere
    """
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    comfy = [*_folders_from(environment, "COMFYUI_PATH"), *(home / one for one in _COMFY)]
    webui = [*_folders_from(environment, "SD_WEBUI_PATH"), *(home / one for one in _WEBUI)]
    invoke = [*_folders_from(environment, "INVOKEAI_ROOT"), *(home / one for one in _INVOKE)]
    found = [place for root in (*comfy, *webui) for place in inside(root)]
    found += [Place(root / "models", "InvokeAI") for root in invoke if _is_there(root / "models")]
    distinct: dict[Path, Place] = {}
    for place in found:
        distinct.setdefault(_real(place.path), place)
    return tuple(distinct.values())


def inside(root: Path) -> tuple[Place, ...]:
    """The folders with whole models in the folder of a program; empty if it is none.

    Looking through all of it would take LoRAs, ControlNets and upscalers for broken models.
    """
    for source, folders in _INSIDE:
        found = [Place(root / folder, source) for folder in folders]
        there = tuple(place for place in found if _is_there(place.path))
        if there:
            return there
    return ()


def _folders_from(environment: Mapping[str, str], variable: str) -> list[Path]:
    value = environment.get(variable)
    return [Path(value)] if value else []


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


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
