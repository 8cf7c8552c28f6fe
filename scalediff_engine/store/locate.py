"""From what a user says to the model that is meant: a path, a name of the hub, or a word."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from scalediff_engine.base.errors import ModelError, ModelMissing, ScaleDiffError
from scalediff_engine.spec.checkpoint import Checkpoint
from scalediff_engine.spec.family import Families
from scalediff_engine.store.catalog import aliases, download_advice
from scalediff_engine.store.header import is_pickle
from scalediff_engine.store.hub_cache import (
    cache_folder,
    is_arriving,
    missing_files,
    repositories,
    repository_folder,
    snapshot,
)
from scalediff_engine.store.inspect import inspect, parts_without_weights

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def locate(word: str, families: Families, *, environment: Mapping[str, str] = os.environ) -> Path:
    """Find the folder or file that ``word`` means; nothing is downloaded.

    An alias of a family goes before a folder of that name, which is "./NAME"; any other
    existing path goes before a name of the hub.

    Args:
        word: a path, "org/name", or an alias of a family
        environment: tells where the cache of Hugging Face is

    Raises:
        ModelMissing: it is not there.
        ModelError: it is in the cache, but its download has not finished.
    """
    cache = cache_folder(environment)
    known = aliases(families).get(word.lower())
    if known is not None:
        return _first_cached(word, known, cache, families)
    path = _existing(word)
    if path is not None:
        return path
    if _looks_like_path(word):
        raise ModelMissing(f"There is no model at {word}: no such file or folder.")
    if _HUB_ID.fullmatch(word):
        found = _cached(word, cache, families)
        if found is not None:
            return found
        raise ModelMissing(
            f"{word} is no folder here, and as a model of the Hugging Face hub it is not in "
            f"{cache}. {download_advice(word, families)}"
        )
    raise ModelMissing(
        f"No model is called {word!r}. Give the path of a .safetensors file or a folder, a name "
        f"of the Hugging Face hub (org/name), or one of {', '.join(aliases(families))}."
    )


def cached_models(
    families: Families, environment: Mapping[str, str] = os.environ
) -> tuple[Checkpoint, ...]:
    """The models in the cache of Hugging Face that can be used, by name; never raises."""
    return tuple(
        checkpoint
        for repository in repositories(cache_folder(environment))
        for path in _candidates(repository)
        if (checkpoint := _usable(path, families)) is not None
    )


def _first_cached(word: str, hub_ids: tuple[str, ...], cache: Path, families: Families) -> Path:
    unfinished: ModelError | None = None
    for hub_id in hub_ids:
        try:
            found = _cached(hub_id, cache, families)
        except ModelError as error:  # the next one may be whole
            unfinished = unfinished or error
            continue
        if found is not None:
            return found
    if unfinished is not None:
        raise unfinished
    raise ModelMissing(
        f"The model {word} is not there: {cache} has no {' and no '.join(hub_ids)}. "
        f"{download_advice(hub_ids[0], families)}"
    )


def _cached(hub_id: str, cache: Path, families: Families) -> Path | None:
    """The snapshot of ``hub_id`` in the cache, or None where there is none.

    Raises:
        ModelError: it is there in part.
    """
    repository = repository_folder(cache, hub_id)
    folder = snapshot(repository)
    if folder is None:
        if not is_arriving(repository):
            return None
        what = "no file is complete yet"
    else:
        what = _what_is_missing(repository, folder, families)
    if what is None:
        return folder
    raise ModelError(
        f"{hub_id} is in {cache}, but its download has not finished: {what}. "
        f"Start it again; it resumes where it stopped. {download_advice(hub_id, families)}"
    )


def _what_is_missing(repository: Path, folder: Path, families: Families) -> str | None:
    missing = missing_files(folder)
    if missing:
        first, *others = (path.relative_to(folder) for path in missing)
        return f"{first}{f' and {len(others)} more' if others else ''} did not arrive"
    if is_arriving(repository):
        # an old attempt may have left its traces beside a model that is whole
        try:
            parts = parts_without_weights(folder, families)
        except ModelError:
            return "its settings did not arrive"
        if parts:
            return f"the weights of {', '.join(parts)} did not arrive"
    return None


def _existing(word: str) -> Path | None:
    try:
        path = Path(word).expanduser()
        return path if word and path.exists() else None
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, ~nobody
        return None


def _looks_like_path(word: str) -> bool:
    path = Path(word)
    return (
        word.startswith((".", "/", "~"))
        or "\\" in word
        or word.count("/") > 1
        or path.is_absolute()
        or path.suffix.lower() in (".safetensors", ".gguf")
        or is_pickle(path)
    )


def _candidates(repository: Path) -> Iterator[Path]:
    """The folder of a repository, or the single files of one that is no folder of diffusers."""
    folder = snapshot(repository)
    if folder is None:
        return
    if (folder / "model_index.json").exists():
        yield folder
        return
    yield from sorted(folder.glob("*.safetensors"))


def _usable(path: Path, families: Families) -> Checkpoint | None:
    try:
        return inspect(path, families)
    except (ScaleDiffError, OSError, ValueError):
        return None
