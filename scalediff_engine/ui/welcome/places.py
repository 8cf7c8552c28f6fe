"""Where editors look for plug-ins on this system."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_GIMP_VERSION = "3.0"


@dataclass(frozen=True)
class PluginPlace:
    """A folder for plug-ins.

    Attributes:
        editor: its name for people
        path: of the folder
        is_there: whether the editor has been started here once
    """

    editor: str
    path: Path
    is_there: bool


def plugin_places(
    user: Path | None = None,
    platform: str = sys.platform,
    environment: Mapping[str, str] = os.environ,
) -> tuple[PluginPlace, ...]:
    """Give the folders of Krita and GIMP; of an editor that is not there, the usual one.

    Args:
        user: the user's home folder
        platform: as ``sys.platform``
        environment: tells ``APPDATA``, ``XDG_DATA_HOME`` and ``XDG_CONFIG_HOME``
    """
    home = Path.home() if user is None else user
    if platform == "win32":
        roaming = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
        return (*_krita(roaming / "krita"), *_gimp(roaming / "GIMP"))
    if platform == "darwin":
        support = home / "Library" / "Application Support"
        return (*_krita(support / "krita"), *_gimp(support / "GIMP"))
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    sandboxes = home / ".var" / "app"
    return (
        *_krita(data / "krita", sandboxes / "org.kde.krita" / "data" / "krita"),
        *_gimp(config / "GIMP", sandboxes / "org.gimp.GIMP" / "config" / "GIMP"),
    )


def _krita(usual: Path, *others: Path) -> tuple[PluginPlace, ...]:
    there = tuple(path for path in (usual, *others) if path.is_dir())
    if not there:
        return (PluginPlace("Krita", usual / "pykrita", is_there=False),)
    return tuple(PluginPlace("Krita", path / "pykrita", is_there=True) for path in there)


def _gimp(usual: Path, *others: Path) -> tuple[PluginPlace, ...]:
    there = [path for root in (usual, *others) for path in _versions(root)]
    if not there:
        return (PluginPlace("GIMP", usual / _GIMP_VERSION / "plug-ins", is_there=False),)
    return tuple(PluginPlace("GIMP", path / "plug-ins", is_there=True) for path in there)


def _versions(root: Path) -> list[Path]:
    """The folders of GIMP 3; plug-ins of GIMP 2 are another matter."""
    try:
        return sorted(path for path in root.glob("3.*") if path.is_dir())
    except OSError:
        return []
