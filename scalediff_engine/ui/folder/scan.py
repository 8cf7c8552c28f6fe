"""Files and folders to pictures, a few at a time, with the reason for whatever is left aside."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scalediff_engine.client.naming import Pattern, SourceStems
from scalediff_engine.ui.files import FileProblem
from scalediff_engine.ui.folder.entries import Entry, Skip, Why
from scalediff_engine.ui.folder.inspecting import Inspector
from scalediff_engine.ui.language import translate

# Below it there is nothing that a model could go by.
MIN_SIDE_PX = 8
# The first rows at once; later ones in portions that do not keep the window busy.
_FIRST_SECONDS = 0.05
_SECONDS = 0.2
_MOST = 128


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
        is_recursive: whether folders in folders are looked into
        pattern: of the results; what is called like one and was made here is left aside
        known: paths that were found before
    """

    inputs: tuple[Path, ...]
    is_recursive: bool
    pattern: Pattern
    known: frozenset[str] = frozenset()


def scan(
    search: Search,
    inspector: Inspector,
    is_wanted: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Portion]:
    """Give portions of what is found, each folder in the order of its names.

    Folders that are links are not followed, so that there is no end in a circle.
    """
    portion, began, patience = Portion(), clock(), _FIRST_SECONDS
    for found in _Walk(search, inspector).everything():
        if not is_wanted():
            return
        if isinstance(found, Entry):
            portion.entries.append(found)
        else:
            portion.skips.append(found)
        if clock() - began > patience or portion.count >= _MOST:
            yield portion
            portion, began, patience = Portion(), clock(), _SECONDS
    if portion.count:
        yield portion


class _Walk:
    def __init__(self, search: Search, inspector: Inspector) -> None:
        self._search = search
        self._inspector = inspector
        self._seen = {os.path.normcase(path) for path in search.known}
        self._folders: set[str] = set()
        self._stems = SourceStems()
        for path in {*map(str, search.inputs), *search.known}:
            folder, name = os.path.split(path)
            self._stems.add(os.path.normcase(folder), Path(name).stem)

    def everything(self) -> Iterator[Entry | Skip]:
        folders = [path for path in self._search.inputs if path.is_dir()]
        for path in self._search.inputs:
            if path.is_dir():
                # two trees in one output folder are kept apart by their names
                below = path.name if len(folders) > 1 else ""
                yield from self._folder(path, below, "" if len(folders) == 1 else path.name)
            elif path.is_file():
                yield self._named(path)
            else:
                detail = translate("Scan", "There is no file {path}.").format(path=path)
                yield Skip(str(path), Why.MISSING, detail)

    def _folder(self, folder: Path, below: str, shown: str) -> Iterator[Entry | Skip]:
        real = os.path.realpath(folder)
        if real in self._folders:
            return
        self._folders.add(real)
        try:
            with os.scandir(folder) as listing:
                found = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            detail = translate("Scan", "The folder {path} cannot be read: {reason}.").format(
                path=folder, reason=error.strerror
            )
            yield Skip(str(folder), Why.UNREADABLE, detail)
            return
        deeper: list[os.DirEntry[str]] = []
        for entry in found:
            if _is_folder(entry):
                deeper.append(entry)
            else:
                yield self._file(entry, real, below, shown)
        for entry in deeper:
            if entry.name.startswith("."):
                yield Skip(entry.path, Why.HIDDEN)
            elif not self._search.is_recursive or entry.is_symlink():
                yield Skip(entry.path, Why.DEEPER)
            else:
                yield from self._folder(
                    Path(entry.path), _joined(below, entry.name), _joined(shown, entry.name)
                )

    def _file(
        self, entry: os.DirEntry[str], real_folder: str, below: str, shown: str
    ) -> Entry | Skip:
        if entry.name.startswith("."):  # "._x.png" is what macOS leaves on foreign disks
            return Skip(entry.path, Why.HIDDEN)
        if not self._inspector.is_picture(entry.name):
            return self._no_picture(entry)
        is_link = entry.is_symlink()
        real = os.path.realpath(entry.path) if is_link else str(Path(real_folder, entry.name))
        name = _joined(shown, entry.name)
        return self._picture(Path(entry.path), real, Entry(entry.path, name, below), is_named=False)

    def _no_picture(self, entry: os.DirEntry[str]) -> Skip:
        detail = self._inspector.refusal(entry.name)
        if detail is None:
            return Skip(entry.path, Why.NO_PICTURE)
        return Skip(entry.path, Why.UNREADABLE, detail)

    def _named(self, path: Path) -> Entry | Skip:
        entry = Entry(str(path), path.name)
        return self._picture(path, os.path.realpath(path), entry, is_named=True)

    def _picture(self, path: Path, real: str, entry: Entry, *, is_named: bool) -> Entry | Skip:
        identity = os.path.normcase(real)
        if identity in self._seen:
            return Skip(entry.path, Why.TWICE)
        self._seen.add(identity)
        try:
            entry.path.encode()
            header = self._inspector.inspect(path)
        except FileProblem as problem:
            return Skip(entry.path, Why.UNREADABLE, str(problem))
        except UnicodeEncodeError:
            detail = translate("Scan", "The file's name is not in UTF-8; another name would work.")
            return Skip(entry.path, Why.UNREADABLE, detail)
        if header.is_result and self._stems.is_result_name(
            self._search.pattern, os.path.normcase(path.parent), path.stem, is_found=not is_named
        ):
            return Skip(entry.path, Why.OWN_RESULT)
        if min(header.width, header.height) < MIN_SIDE_PX:
            detail = translate(
                "Scan", "It has {width} × {height} pixels; {least} a side are the least."
            ).format(width=header.width, height=header.height, least=MIN_SIDE_PX)
            return Skip(entry.path, Why.TOO_SMALL, detail)
        return Entry(entry.path, entry.name, entry.below, header.width, header.height)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
