"""Which file each result becomes, and what is wrong with that: for all pictures at once.

For a thread: it looks at the folders that results go to, each once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import BadPattern, Pattern, scale_word
from scalediff_engine.ui.folder import formats
from scalediff_engine.ui.folder.destination import Destination, Place
from scalediff_engine.ui.folder.entries import Entry
from scalediff_engine.ui.upscale.extent import Size

_LONGEST_NAME = 255
_LONGEST_PATH = 259 if sys.platform == "win32" else 4095
_FORBIDDEN_ON_WINDOWS = frozenset('<>:"/\\|?*') | {chr(code) for code in range(32)}
_RESERVED_ON_WINDOWS = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"com{digit}" for digit in range(1, 10)}
    | {f"lpt{digit}" for digit in range(1, 10)}
)
_LOOK_EVERY = 512


class Trouble(Enum):
    """What a result's name means."""

    EXISTS = "exists"  # no trouble unless it was said to be one
    TWICE = "twice"  # two pictures, one result
    OWN_SOURCE = "own source"
    OTHER_SOURCE = "other source"
    FORBIDDEN = "forbidden"
    TOO_LONG = "too long"
    TOO_LARGE = "too large"  # for the format
    NO_NAME = "no name"


@dataclass(frozen=True)
class Words:
    """What the fields stand for that all pictures share.

    Attributes:
        scale: how much larger
        model: name of its family
        seed: of the noise
    """

    scale: float
    model: str
    seed: int


@dataclass
class Targets:
    """Names of results, in the order of the pictures.

    Attributes:
        paths: absolute; empty = there is no name
        troubles: by the picture's place, where there is one
        clashing: places of the first two pictures that would become one file; none = none would
    """

    paths: list[str] = field(default_factory=list[str])
    troubles: dict[int, Trouble] = field(default_factory=dict[int, Trouble])
    clashing: tuple[int, int] | None = None


class NotWanted(Exception):
    """Somebody has chosen something else meanwhile."""


def result_size(entry: Entry, scale: float) -> Size:
    """Give the size of a picture's result."""
    return Size(max(1, round(entry.width * scale)), max(1, round(entry.height * scale)))


def name_all(
    entries: Sequence[Entry],
    destination: Destination,
    words: Words,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Targets:
    """Name all results.

    Raises:
        BadPattern: the pattern makes no sense.
        NotWanted: it is not wanted any more.
    """
    naming = _Naming(destination, words)
    found = Targets()
    sources = {same_place(entry.path): index for index, entry in enumerate(entries)}
    claimed: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if index % _LOOK_EVERY == 0 and not is_wanted():
            raise NotWanted
        path, trouble = naming.name(entry)
        found.paths.append(path)
        if not path:
            found.troubles[index] = Trouble.NO_NAME
            continue
        place = same_place(path)
        first = claimed.setdefault(place, index)
        overwritten = sources.get(place)
        if first != index:
            trouble = found.troubles[first] = Trouble.TWICE
            found.clashing = found.clashing or (first, index)
        elif trouble is None and overwritten == index:
            trouble = Trouble.OWN_SOURCE
        elif trouble is None and naming.exists(path):
            replaced = destination.existing is Existing.REPLACE and overwritten is not None
            trouble = Trouble.OTHER_SOURCE if replaced else Trouble.EXISTS
        if trouble is not None:
            found.troubles[index] = trouble
    return found


def example(destination: Destination, words: Words, entry: Entry) -> str:
    """Give the name, without its folder, that a picture's result would have.

    Raises:
        BadPattern: the pattern makes no sense.
    """
    return _Naming(destination, words).file_name(entry)[0]


def same_place(path: str) -> str:
    """Give a key that two absolute paths share if they are one file on this system."""
    return path.casefold() if sys.platform in ("win32", "darwin") else path


class _Naming:
    def __init__(self, destination: Destination, words: Words) -> None:
        self._destination = destination
        self._words = words
        self._pattern = Pattern(destination.pattern)
        self._listed: dict[str, frozenset[str]] = {}

    def name(self, entry: Entry) -> tuple[str, Trouble | None]:
        """Give the path of a result, empty if there is none, and what is wrong with it."""
        try:
            name, form = self.file_name(entry)
        except BadPattern:
            return "", Trouble.NO_NAME
        path = os.path.normpath(os.path.join(self._folder(entry), name))  # noqa: PTH118 - quicker
        if is_forbidden(name):
            return path, Trouble.FORBIDDEN
        if _units(name) > _LONGEST_NAME or _units(path) > _LONGEST_PATH:
            return path, Trouble.TOO_LONG
        if max(result_size(entry, self._words.scale)) > formats.LONGEST_SIDE_PX[form]:
            return path, Trouble.TOO_LARGE
        return path, None

    def file_name(self, entry: Entry) -> tuple[str, str]:
        """Give the name of a result without its folder, and its format."""
        stem, suffix = os.path.splitext(os.path.basename(entry.path))  # noqa: PTH119, PTH122
        source = Size(entry.width or 1, entry.height or 1)
        target = Size(*(max(1, round(side * self._words.scale)) for side in source))
        filled = self._pattern.fill(
            {
                "stem": stem,
                "ext": suffix[1:],
                "scale": scale_word(source, target),
                "width": str(target.width),
                "height": str(target.height),
                "model": self._words.model,
                "seed": str(self._words.seed),
            }
        )
        form, ending = formats.ending(suffix, self._destination.format)
        return filled + ending, form

    def exists(self, path: str) -> bool:
        """Tell whether something is there; each folder is listed once."""
        folder, name = os.path.split(path)
        names = self._listed.get(folder)
        if names is None:
            try:
                names = frozenset(same_place(found) for found in os.listdir(folder))  # noqa: PTH208
            except OSError:
                names = frozenset()
            self._listed[folder] = names
        return same_place(name) in names

    def _folder(self, entry: Entry) -> str:
        chosen = self._destination
        if chosen.place is Place.FOLDER:
            return os.path.join(chosen.folder, entry.below)  # noqa: PTH118
        beside = os.path.dirname(entry.path)  # noqa: PTH120
        is_beside = chosen.place is Place.BESIDE
        return beside if is_beside else os.path.join(beside, chosen.subfolder)  # noqa: PTH118


def is_forbidden(name: str, platform: str = sys.platform) -> bool:
    """Tell whether a system takes no file of this name."""
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


def _units(text: str) -> int:
    """Give the length of a name as the system counts it."""
    if sys.platform == "win32":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogateescape"))


def absolute(path: str) -> Path:
    """Give a path without ``..``, not following links."""
    return Path(os.path.normpath(Path(path).expanduser().absolute()))
