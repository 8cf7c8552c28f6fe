"""Which file each result becomes, and what is wrong with that: for all pictures at once.

``name_results`` is for a thread: it lists the folders that results go to, each once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.base.files import same_place
from scalediff_engine.base.geometry import Size
from scalediff_engine.batch.folder_scan import Entry
from scalediff_engine.batch.naming import Destination, NameValues, result_name
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import BadPattern, Pattern
from scalediff_engine.images.formats import Format

_LONGEST_NAME = 255
_LONGEST_PATH = 259 if sys.platform == "win32" else 4095
_FORBIDDEN_ON_WINDOWS = frozenset('<>:"/\\|?*') | {chr(code) for code in range(32)}
_RESERVED_ON_WINDOWS = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"com{digit}" for digit in range(1, 10)}
    | {f"lpt{digit}" for digit in range(1, 10)}
)
_ASK_EVERY = 512


class NameConflict(Enum):
    """What is wrong with the name of a result."""

    EXISTS = "exists"  # the destination says what that means
    DUPLICATE = "duplicate"  # two pictures, one result
    OWN_SOURCE = "own source"
    OTHER_SOURCE = "other source"
    FORBIDDEN = "forbidden"
    TOO_LONG = "too long"
    TOO_LARGE = "too large"  # for the format
    NO_NAME = "no name"


@dataclass(frozen=True)
class SharedValues:
    """What the fields of names stand for that all pictures share.

    Attributes:
        scale: how much larger
        model: name of its family
        seed: of the noise
    """

    scale: float
    model: str
    seed: int


@dataclass
class ResultNames:
    """Names of results, in the order of the pictures.

    Attributes:
        paths: absolute; empty = there is no name
        conflicts: by the picture's index
        duplicates: indexes of the first two pictures that would become one file, if any
    """

    paths: list[str] = field(default_factory=list[str])
    conflicts: dict[int, NameConflict] = field(default_factory=dict[int, NameConflict])
    duplicates: tuple[int, int] | None = None


def find_conflicts(
    sources: Sequence[str], results: Sequence[str], *, is_replacing: bool
) -> dict[int, tuple[NameConflict, int]]:
    """Return what results do to each other and to the sources, without a look at the disk.

    Args:
        sources: keys (see ``same_place``) of the pictures
        results: keys of their results, in the same order; empty = there is none
        is_replacing: whether results that exist are replaced; otherwise those that would replace
            another source are not conflicts, but merely exist

    Returns:
        By index, the conflict and the index of the other picture.
    """
    index_of = {source: index for index, source in enumerate(sources)}
    first_of: dict[str, int] = {}
    found: dict[int, tuple[NameConflict, int]] = {}
    for index, result in enumerate(results):
        if not result:
            continue
        first = first_of.setdefault(result, index)
        overwritten = index_of.get(result)
        if first != index:
            found[index] = NameConflict.DUPLICATE, first
            if found.get(first, (None,))[0] is not NameConflict.DUPLICATE:
                found[first] = NameConflict.DUPLICATE, index
        elif overwritten == index:
            found[index] = NameConflict.OWN_SOURCE, index
        elif is_replacing and overwritten is not None:
            found[index] = NameConflict.OTHER_SOURCE, overwritten
    return found


def name_results(
    entries: Sequence[Entry],
    destination: Destination,
    values: SharedValues,
    is_wanted: Callable[[], bool] = lambda: True,
) -> ResultNames:
    """Name all results.

    Raises:
        BadPattern: the pattern makes no sense.
        Cancelled: it is not wanted any more.
    """
    pattern = Pattern(destination.pattern)
    folders = _FolderListings()
    names = ResultNames()
    for index, entry in enumerate(entries):
        if index % _ASK_EVERY == 0 and not is_wanted():
            raise Cancelled
        path, conflict = _name(entry, destination, pattern, values)
        names.paths.append(path)
        if conflict is not None:
            names.conflicts[index] = conflict
    clashes = find_conflicts(
        [same_place(entry.path) for entry in entries],
        [path and same_place(path) for path in names.paths],
        is_replacing=destination.existing is Existing.REPLACE,
    )
    for index, path in enumerate(names.paths):
        if index % _ASK_EVERY == 0 and not is_wanted():
            raise Cancelled
        conflict, other = clashes.get(index, (None, index))
        if conflict is NameConflict.DUPLICATE:
            names.duplicates = names.duplicates or (min(index, other), max(index, other))
            names.conflicts[index] = conflict
        elif index in names.conflicts:
            continue
        elif conflict is not None:
            names.conflicts[index] = conflict
        elif folders.has(path):
            names.conflicts[index] = NameConflict.EXISTS
    return names


def example_name(destination: Destination, values: SharedValues, entry: Entry) -> str:
    """Return the name, without its folder, that a picture's result would have.

    Raises:
        BadPattern: the pattern makes no sense.
    """
    return _file_name(entry, destination, Pattern(destination.pattern), values)[0]


def is_forbidden(name: str, platform: str = sys.platform) -> bool:
    """Return whether a system takes no file of this name."""
    if "/" in name or "\0" in name or name in ("", ".", ".."):
        return True
    if platform != "win32":
        return False
    stem = name.split(".", 1)[0].rstrip().lower()
    return bool(
        _FORBIDDEN_ON_WINDOWS.intersection(name)
        or name.endswith((" ", "."))
        or stem in _RESERVED_ON_WINDOWS
    )


def absolute(path: str) -> Path:
    """Return a path without ``..``, not following links."""
    return Path(os.path.normpath(Path(path).expanduser().absolute()))


class _FolderListings:
    """The names in folders; each folder is listed once."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def has(self, path: str) -> bool:
        folder, name = os.path.split(path)
        names = self._names.get(folder)
        if names is None:
            try:
                names = frozenset(same_place(found) for found in os.listdir(folder))  # noqa: PTH208
            except OSError:
                names = frozenset()
            self._names[folder] = names
        return same_place(name) in names


def _name(
    entry: Entry, destination: Destination, pattern: Pattern, values: SharedValues
) -> tuple[str, NameConflict | None]:
    """Return the path of a result, empty if there is none, and what is wrong with it."""
    try:
        name, form = _file_name(entry, destination, pattern, values)
    except BadPattern:
        return "", NameConflict.NO_NAME
    folder = destination.folder_for(entry.path, entry.below)
    path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - thousands of them
    if is_forbidden(name):
        return path, NameConflict.FORBIDDEN
    if _units(name) > _LONGEST_NAME or _units(path) > _LONGEST_PATH:
        return path, NameConflict.TOO_LONG
    if max(entry.size.scaled(values.scale)) > form.abilities.max_side_px:
        return path, NameConflict.TOO_LARGE
    return path, None


def _file_name(
    entry: Entry, destination: Destination, pattern: Pattern, values: SharedValues
) -> tuple[str, Format]:
    size = Size(entry.width or 1, entry.height or 1)
    target = size.scaled(values.scale)
    fields = NameValues(size, target, values.model, values.seed)
    return result_name(entry.path, pattern, destination.format, fields)


def _units(text: str) -> int:
    """Return the length of a name as the system counts it."""
    if sys.platform == "win32":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogateescape"))
