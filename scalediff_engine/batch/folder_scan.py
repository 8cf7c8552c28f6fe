"""Files and folders to pictures, with the reason for whatever is skipped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path

from scalediff_engine.base.errors import ScaleDiffError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.naming import Pattern, SourceStems
from scalediff_engine.images import formats, reader
from scalediff_engine.images.formats import is_picture
from scalediff_engine.images.recipe import recipe_in

# No model can make use of less.
MIN_SIDE_PX = 8
# The first rows at once; later ones in portions that do not keep a window busy.
_FIRST_PORTION_S = 0.05
_PORTION_S = 0.2
_PORTION_FILES = 128


class SkipReason(Enum):
    """Why a file or folder is skipped."""

    NO_PICTURE = "no picture"
    HIDDEN = "hidden"
    UNSUPPORTED = "unsupported"  # format; the detail is its name
    UNREADABLE = "unreadable"  # the detail is a sentence
    FOLDER_UNREADABLE = "folder unreadable"  # the detail is the system's reason
    NAME_NOT_UTF8 = "name not utf-8"
    OWN_RESULT = "own result"
    TOO_SMALL = "too small"
    SUBFOLDER = "subfolder"  # which is not looked into
    DUPLICATE = "duplicate"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Skip:
    """A file or folder that is skipped.

    Attributes:
        path: of the file or folder
        reason: why
        detail: see ``SkipReason``
        size: of a picture that is too small
    """

    path: str
    reason: SkipReason
    detail: str = ""
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file that looks like a picture by its name, or that was named itself.

    Attributes:
        path: as the inputs spell it
        below: its folder, relative to ``root``; empty = ``root`` itself
        root: the input folder that it was found in; empty = the file was named itself
    """

    path: str
    below: str = ""
    root: str = ""

    @property
    def is_named(self) -> bool:
        """Whether it was named itself, rather than found in a folder."""
        return not self.root


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture that is to be upscaled.

    Attributes:
        path: absolute
        name: for people: relative to what was named
        below: folder, relative to the output folder, that keeps the structure; empty = none
        width, height: in pixels, as it is seen; 0 = not known
    """

    path: str
    name: str
    below: str = ""
    width: int = 0
    height: int = 0

    @property
    def size(self) -> Size:
        """Width and height."""
        return Size(self.width, self.height)


@dataclass
class Portion:
    """What was found since the last one."""

    entries: list[Entry] = field(default_factory=list[Entry])
    skips: list[Skip] = field(default_factory=list[Skip])

    @property
    def count(self) -> int:
        """Of both."""
        return len(self.entries) + len(self.skips)


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Attributes:
        inputs: files and folders, absolute
        is_recursive: whether subfolders are looked into
        pattern: of the results; what is called like one and was made here is skipped
        known: paths that were found before
    """

    inputs: tuple[Path, ...]
    is_recursive: bool
    pattern: Pattern
    known: frozenset[str] = frozenset()


def scan(
    search: Search,
    is_wanted: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Portion]:
    """Yield portions of what is found, each folder in the order of its names; reads headers."""
    portion, began, limit_s = Portion(), clock(), _FIRST_PORTION_S
    for found in _inspected(search):
        if not is_wanted():
            return
        if isinstance(found, Entry):
            portion.entries.append(found)
        else:
            portion.skips.append(found)
        if clock() - began > limit_s or portion.count >= _PORTION_FILES:
            yield portion
            portion, began, limit_s = Portion(), clock(), _PORTION_S
    if portion.count:
        yield portion


class FolderWalk:
    """Finds the files of inputs by their names, each once; opens none.

    Links to folders are not followed, so that a loop of links ends.

    Args:
        is_recursive: whether subfolders are looked into
        known: paths that were found before

    Attributes:
        folders: real paths of the folders that were looked into
    """

    def __init__(self, *, is_recursive: bool, known: Iterable[str] = ()) -> None:
        self._is_recursive = is_recursive
        self._seen = {os.path.normcase(path) for path in known}
        self.folders: set[str] = set()

    def files(self, path: Path) -> Iterator[Source | Skip]:
        """Yield the files of an input: itself, or those of a folder or a wildcard."""
        try:
            if path.is_dir():
                yield from self._folder(str(path), str(path), "")
            elif path.is_file() or path.is_fifo():
                yield self._once(Source(str(path)), os.path.realpath(path))
            elif path.exists():
                detail = f"{path} is neither a file nor a folder."
                yield Skip(str(path), SkipReason.UNREADABLE, detail)
            else:
                yield from self._wildcard(path)
        except OSError as error:  # no permission on the way, a name too long, a broken disk
            detail = f"Cannot read {path}: {error.strerror}."
            yield Skip(str(path), SkipReason.UNREADABLE, detail)

    def _wildcard(self, path: Path) -> Iterator[Source | Skip]:
        """Yield the files that ``*.png`` stands for: not every shell (cmd.exe) expands it."""
        is_wild = any(sign in path.name for sign in "*?") and path.parent.is_dir()
        beside = sorted(path.parent.iterdir()) if is_wild else []
        found = [file for file in beside if fnmatch(file.name, path.name) and file.is_file()]
        for file in found:
            yield self._once(Source(str(file)), os.path.realpath(file))
        if not found:
            yield Skip(str(path), SkipReason.MISSING)

    def _folder(self, folder: str, root: str, below: str) -> Iterator[Source | Skip]:
        real = os.path.realpath(folder)
        if real in self.folders:
            return
        self.folders.add(real)
        try:
            with os.scandir(folder) as listing:
                found = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Skip(folder, SkipReason.FOLDER_UNREADABLE, error.strerror or str(error))
            return
        subfolders: list[os.DirEntry[str]] = []
        for entry in found:
            if _is_folder(entry):
                subfolders.append(entry)
            else:
                yield self._found(entry, real, Source(entry.path, below, root))
        for entry in subfolders:
            if entry.name.startswith("."):
                yield Skip(entry.path, SkipReason.HIDDEN)
            elif not self._is_recursive or entry.is_symlink():
                yield Skip(entry.path, SkipReason.SUBFOLDER)
            else:
                yield from self._folder(entry.path, root, joined(below, entry.name))

    def _found(self, entry: os.DirEntry[str], real_folder: str, source: Source) -> Source | Skip:
        if entry.name.startswith("."):  # "._x.png" is what macOS leaves on foreign disks
            return Skip(entry.path, SkipReason.HIDDEN)
        if not is_picture(Path(entry.name)):
            form = formats.by_name(entry.name)
            if form is None:
                return Skip(entry.path, SkipReason.NO_PICTURE)
            return Skip(entry.path, SkipReason.UNSUPPORTED, form)
        if not _is_file(entry):
            return Skip(entry.path, SkipReason.NO_PICTURE)
        is_link = entry.is_symlink()
        real = os.path.realpath(entry.path) if is_link else os.path.join(real_folder, entry.name)  # noqa: PTH118
        return self._once(source, real)

    def _once(self, source: Source, real: str) -> Source | Skip:
        identity = os.path.normcase(real)
        if identity in self._seen:
            return Skip(source.path, SkipReason.DUPLICATE)
        self._seen.add(identity)
        return source


def joined(folder: str, name: str) -> str:
    """Return a relative path with slashes; an empty folder adds nothing."""
    return f"{folder}/{name}" if folder else name


def _inspected(search: Search) -> Iterator[Entry | Skip]:
    walk = FolderWalk(is_recursive=search.is_recursive, known=search.known)
    stems = SourceStems()
    for path in {*map(str, search.inputs), *search.known}:
        folder, name = os.path.split(path)
        stems.add(os.path.normcase(folder), Path(name).stem)
    folders = [path for path in search.inputs if path.is_dir()]
    for path in search.inputs:
        # two trees in one output folder are kept apart by their names
        prefix = path.name if len(folders) > 1 and path in folders else ""
        for found in walk.files(path):
            if isinstance(found, Source):
                yield _inspect(found, prefix, search.pattern, stems)
            else:
                yield found


def _inspect(source: Source, prefix: str, pattern: Pattern, stems: SourceStems) -> Entry | Skip:
    path = Path(source.path)
    try:
        source.path.encode()
        header = reader.probe(path)
    except ScaleDiffError as error:
        return Skip(source.path, SkipReason.UNREADABLE, str(error))
    except UnicodeEncodeError:
        return Skip(source.path, SkipReason.NAME_NOT_UTF8)
    folder, size = os.path.normcase(path.parent), header.size
    if is_own_result(source, folder, pattern, stems, lambda: header.xmp):
        return Skip(source.path, SkipReason.OWN_RESULT)
    if min(size) < MIN_SIDE_PX:
        return Skip(source.path, SkipReason.TOO_SMALL, size=size)
    below = "/".join(part for part in (prefix, source.below) if part)
    return Entry(source.path, joined(below, path.name), below, *size)


def is_own_result(
    source: Source,
    folder: str,
    pattern: Pattern,
    stems: SourceStems,
    read_xmp: Callable[[], bytes | None],
) -> bool:
    """Return whether a file is a result of an earlier run: named like one, with a recipe.

    A file that was named itself is one only if its source was added to ``stems`` too: named
    alone, a result is upscaled further.

    Args:
        source: the file
        folder: its folder, as a key of ``stems``
        pattern: of the results' names
        stems: of all pictures
        read_xmp: reads the file's XMP packet; called only for a file that is named like a result
    """
    is_named_like_one = stems.is_result_name(
        pattern, folder, Path(source.path).stem, is_found=not source.is_named
    )
    return is_named_like_one and recipe_in(read_xmp()) is not None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
