"""The folder in which the tools of Hugging Face keep what they downloaded.

::

    models--ORG--NAME/
        blobs/       the files, named by hash; HASH.incomplete while they arrive
        refs/main    the hash of the newest snapshot
        snapshots/HASH/...   links to blobs, under the files' own names

Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from scalediff_engine.base.errors import ModelError, OutputError

_PREFIX = "models--"


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where the cache is for a process with ``environment``; it need not exist."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environment.get(variable):
            return _expanded(environment[variable], environment)
    if environment.get("HF_HOME"):
        return _expanded(environment["HF_HOME"], environment) / "hub"
    if environment.get("XDG_CACHE_HOME"):
        return _expanded(environment["XDG_CACHE_HOME"], environment) / "huggingface" / "hub"
    return _home(environment) / ".cache" / "huggingface" / "hub"


def repository_folder(cache: Path, hub_id: str) -> Path:
    """Where the cache keeps ``hub_id`` ("org/name")."""
    return cache / (_PREFIX + hub_id.replace("/", "--"))


def repositories(cache: Path) -> tuple[Path, ...]:
    """The folders of all models in the cache, by name; empty where there is no cache."""
    try:
        return tuple(sorted(path for path in cache.iterdir() if path.name.startswith(_PREFIX)))
    except OSError:
        return ()


def snapshot(repository: Path) -> Path | None:
    """The snapshot to use: the one that ``refs/main`` names, or else the newest."""
    try:
        there = {path.name: path for path in (repository / "snapshots").iterdir() if path.is_dir()}
        newest = max(there.values(), key=lambda path: path.stat().st_mtime, default=None)
    except OSError:
        return None
    try:
        named = (repository / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return newest
    return there.get(named, newest)


def missing_files(snapshot: Path) -> tuple[Path, ...]:
    """The links of a snapshot whose targets have not arrived."""
    return tuple(path for path in snapshot.rglob("*") if path.is_symlink() and not path.exists())


def is_arriving(repository: Path) -> bool:
    """Whether a download into the repository's folder was begun and has not ended."""
    return any((repository / "blobs").glob("*.incomplete"))


def _home(environment: Mapping[str, str]) -> Path:
    named = environment.get("HOME") or environment.get("USERPROFILE")
    return Path(named) if named else Path.home()


def _expanded(text: str, environment: Mapping[str, str]) -> Path:
    """``text`` with a leading ~ as the home of ``environment``."""
    path = Path(text)
    return _home(environment).joinpath(*path.parts[1:]) if path.parts[:1] == ("~",) else path


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
