"""Files and folders from the command line to a list of pictures to look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from scalediff_engine.base.errors import InputError, InputMissing, NoPictures, ScaleDiffError
from scalediff_engine.cli.request import STREAM
from scalediff_engine.images.unread_formats import by_name


@dataclass(frozen=True)
class Source:
    """One input file.

    Attributes:
        path: as it can be opened, in the words of the command line
        below: its folder, relative to the folder that was named; to mirror a tree
        found: in a folder, rather than named itself
        is_unsupported: found, and a picture in a format that is not read
    """

    path: Path
    below: Path = Path()
    found: bool = False
    is_unsupported: bool = False


@dataclass(frozen=True)
class Failure:
    """An input (or, without a path, the whole run) that came to nothing, and why."""

    path: Path | None
    error: ScaleDiffError


def collect(
    inputs: Iterable[Path], *, recursive: bool, is_picture: Callable[[Path], bool]
) -> tuple[list[Source], list[Failure]]:
    """Give every input file once, folders replaced by the pictures in them, sorted by name.

    Args:
        inputs: files and folders
        recursive: also folders in folders; without it a folder is flat
        is_picture: whether a file of a folder looks like a picture; named files are not asked
    """
    sources: dict[Path, Source] = {}
    failures: list[Failure] = []
    for path in inputs:
        try:
            for source in _look(path, recursive, is_picture, failures):
                sources.setdefault(_identity(source.path), source)
        except ScaleDiffError as error:
            failures.append(Failure(path, error))
        except OSError as error:  # no permission on the way, a name too long, a broken disk
            reason = InputError(f"{path} cannot be looked at: {error.strerror}.")
            failures.append(Failure(path, reason))
    return list(sources.values()), failures


def _look(
    path: Path, recursive: bool, is_picture: Callable[[Path], bool], failures: list[Failure]
) -> list[Source]:
    if path == STREAM:
        return [Source(path)]
    if not path.exists():
        return _wildcard(path)
    if path.is_dir():
        before = len(failures)
        files = list(_files(path, recursive, failures))
        found = [
            Source(file, file.parent.relative_to(path), True, is_unsupported=not is_picture(file))
            for file in files
            if is_picture(file) or by_name(file.name) is not None
        ]
        if all(source.is_unsupported for source in found) and len(failures) == before:
            deeper = "" if recursive else " (folders in it were not looked at; --recursive does)"
            names = sorted({by_name(source.path.name) or "" for source in found})
            unread = f" but {len(found)} in formats that are not supported ({', '.join(names)})"
            raise NoPictures(f"The folder {path} holds no pictures{unread if found else deeper}.")
        return found
    if not path.is_file() and not path.is_fifo():
        raise InputError(f"{path} is neither a file nor a folder.")
    return [Source(path)]


def _wildcard(path: Path) -> list[Source]:
    """Give the files that ``*.png`` stands for: not every shell (cmd.exe) has done that already."""
    wild = any(sign in path.name for sign in "*?") and path.parent.is_dir()
    beside = sorted(path.parent.iterdir()) if wild else []
    found = [Source(file) for file in beside if fnmatch(file.name, path.name) and file.is_file()]
    if not found:
        raise InputMissing(f"There is no file {path}.")
    return found


def _files(folder: Path, recursive: bool, failures: list[Failure]) -> Iterator[Path]:
    """Give the visible files, folder by folder; a folder that cannot be read is a failure."""

    def note(error: OSError) -> None:
        sentence = f"The folder {error.filename} cannot be read: {error.strerror}."
        failures.append(Failure(Path(error.filename), InputError(sentence)))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) * recursive
        for name in sorted(names):
            # hidden files are not pictures: "._x.png" is what macOS leaves on foreign disks
            if not name.startswith(".") and (Path(parent) / name).is_file():
                yield Path(parent) / name


def _identity(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links
        return path.absolute()
