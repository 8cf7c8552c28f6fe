"""Krita and GIMP on this computer: where each installation of them looks for plug-ins.

Source: the folders that https://docs.krita.org/en/user_manual/python_scripting.html and
https://developer.gimp.org/resource/writing-a-plug-in/ name, and those of Flatpak, Snap and the
Microsoft Store below them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_USUAL_GIMP = "3.0"
# GIMP's stable series; each has separate folders.
_GIMP_SERIES = ("3.0", "3.2", "3.4")


class Editor(StrEnum):
    """An editor that has a plug-in."""

    KRITA = "krita"
    GIMP = "gimp"

    @property
    def label(self) -> str:
        """Its name for people."""
        return "Krita" if self is Editor.KRITA else "GIMP"


@dataclass(frozen=True)
class Host:
    """One installation of an editor.

    Attributes:
        editor: which
        plugins: the folder of its plug-ins
        settings: Krita's settings, which say what plug-ins are enabled
        version: the series of GIMP, such as "3.2"
        packaging: "Flatpak", "Snap", "Microsoft Store", or empty
        is_found: whether there is a sign of it; otherwise this is where it would be
    """

    editor: Editor
    plugins: Path
    settings: Path | None = None
    version: str = ""
    packaging: str = ""
    is_found: bool = True

    @property
    def name(self) -> str:
        """Its name for people, such as "GIMP 3.2 (Flatpak)"."""
        version = f" {self.version}" if self.version else ""
        packaging = f" ({self.packaging})" if self.packaging else ""
        return f"{self.editor.label}{version}{packaging}"


@dataclass(frozen=True)
class Computer:
    """What the search looks at; tests pass their own.

    Attributes:
        user: the user's home folder
        platform: as ``sys.platform``
        environ: the environment variables
        root: the root of the file system
        finds: says whether a program is on PATH
    """

    user: Path
    platform: str
    environ: Mapping[str, str]
    root: Path
    finds: Callable[[str], bool]

    def folder(self, variable: str, *usual: str) -> Path:
        """Return the folder that a variable names, or the usual one below the home folder."""
        return Path(self.environ.get(variable) or self.user.joinpath(*usual))

    def has_flatpak(self, name: str) -> bool:
        """Say whether an application is installed as a Flatpak."""
        folders = (self.root / "var/lib/flatpak/app", self.user / ".local/share/flatpak/app")
        return any((folder / name).exists() for folder in folders)


def this_computer() -> Computer:
    """Describe the computer that this runs on."""
    return Computer(
        user=Path.home(),
        platform=sys.platform,
        environ=os.environ,
        root=Path("/"),
        finds=lambda program: shutil.which(program) is not None,
    )


def find_hosts(computer: Computer, editors: tuple[Editor, ...] = tuple(Editor)) -> tuple[Host, ...]:
    """Return the installations of editors; of one that is not found, where it would usually be."""
    hosts: list[Host] = []
    for editor in editors:
        krita, gimp = _FINDERS.get(computer.platform, (_krita_on_linux, _gimp_on_linux))
        found = list((krita if editor is Editor.KRITA else gimp)(computer))
        hosts += [host for host in found if host.is_found] or found[:1]
    return tuple(hosts)


def _krita(data: Path, settings: Path, packaging: str = "", *, is_there: bool = False) -> Host:
    is_found = is_there or data.is_dir()
    return Host(Editor.KRITA, data / "pykrita", settings, "", packaging, is_found)


def _krita_on_linux(computer: Computer) -> Iterator[Host]:
    # an AppImage uses the same folders
    data = computer.folder("XDG_DATA_HOME", ".local", "share")
    config = computer.folder("XDG_CONFIG_HOME", ".config")
    yield _krita(data / "krita", config / "kritarc", is_there=computer.finds("krita"))
    flatpak = computer.user / ".var" / "app" / "org.kde.krita"
    yield _krita(
        flatpak / "data" / "krita",
        flatpak / "config" / "kritarc",
        "Flatpak",
        is_there=computer.has_flatpak("org.kde.krita"),
    )
    snap = computer.user / "snap" / "krita" / "current"
    yield _krita(
        snap / ".local" / "share" / "krita",
        snap / ".config" / "kritarc",
        "Snap",
        is_there=(computer.root / "snap" / "krita").exists(),
    )


def _krita_on_windows(computer: Computer) -> Iterator[Host]:
    roaming = computer.folder("APPDATA", "AppData", "Roaming")
    local = computer.folder("LOCALAPPDATA", "AppData", "Local")
    programs = computer.folder("PROGRAMFILES", "Program Files")
    is_there = any((programs / name).exists() for name in ("Krita (x64)", "Krita"))
    yield _krita(roaming / "krita", local / "kritarc", is_there=is_there)
    for package in sorted((local / "Packages").glob("*Krita*")):
        cache = package / "LocalCache"
        yield _krita(
            cache / "Roaming" / "krita",
            cache / "Local" / "kritarc",
            "Microsoft Store",
            is_there=True,
        )


def _krita_on_macos(computer: Computer) -> Iterator[Host]:
    library = computer.user / "Library"
    yield _krita(
        library / "Application Support" / "krita",
        library / "Preferences" / "kritarc",
        is_there=(computer.root / "Applications" / "krita.app").exists(),
    )


def _gimp(
    config: Path, packaging: str = "", installed: tuple[str, ...] = (), *, is_there: bool = False
) -> Iterator[Host]:
    """Yield a host for each series that was started once or is installed."""
    try:
        started = {folder.name for folder in config.glob("3.*") if folder.is_dir()}
    except OSError:
        started = set[str]()
    versions = sorted(started.union(installed)) or ([_USUAL_GIMP] if is_there else [])
    for version in versions:
        yield Host(Editor.GIMP, config / version / "plug-ins", None, version, packaging)
    if not versions:
        plugins = config / _USUAL_GIMP / "plug-ins"
        yield Host(Editor.GIMP, plugins, None, _USUAL_GIMP, packaging, is_found=False)


def _gimp_on_linux(computer: Computer) -> Iterator[Host]:
    config = computer.folder("XDG_CONFIG_HOME", ".config") / "GIMP"
    installed = tuple(series for series in _GIMP_SERIES if computer.finds(f"gimp-{series}"))
    # the Flatpak of Flathub shares this folder
    yield from _gimp(config, "", installed, is_there=computer.has_flatpak("org.gimp.GIMP"))
    yield from _gimp(computer.user / ".var/app/org.gimp.GIMP/config/GIMP", "Flatpak")
    is_snap = (computer.root / "snap" / "gimp").exists()
    yield from _gimp(computer.user / "snap/gimp/current/.config/GIMP", "Snap", is_there=is_snap)


def _gimp_on_windows(computer: Computer) -> Iterator[Host]:
    programs = (
        computer.folder("PROGRAMFILES", "Program Files"),
        computer.folder("LOCALAPPDATA", "AppData", "Local") / "Programs",
    )
    is_there = any((folder / "GIMP 3").exists() for folder in programs)
    config = computer.folder("APPDATA", "AppData", "Roaming") / "GIMP"
    yield from _gimp(config, is_there=is_there)


def _gimp_on_macos(computer: Computer) -> Iterator[Host]:
    config = computer.user / "Library" / "Application Support" / "GIMP"
    yield from _gimp(config, is_there=(computer.root / "Applications" / "GIMP.app").exists())


_FINDERS = {
    "win32": (_krita_on_windows, _gimp_on_windows),
    "darwin": (_krita_on_macos, _gimp_on_macos),
}
