"""Keeps the copies of ``wire`` and ``hosts`` in the plug-in folders the same as the originals.

A plug-in folder is copied into an editor as it stands, so each holds a copy, byte for byte.
"""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("wire", "hosts")
# The package of each plug-in that holds them.
PACKAGES = (
    ROOT / "plugin_krita" / "scalediff",
    ROOT / "plugin_gimp" / "scalediff" / "scalediff_gimp",
)


def differing(package: Path) -> list[Path]:
    """Give the files of a plug-in that are missing, too many, or not as in the engine."""
    found: list[Path] = []
    for room in ROOMS:
        source, copy = ROOT / "scalediff_engine" / room, package / room
        names = _modules(source) | _modules(copy)
        for name in sorted(names):
            ours, theirs = source / name, copy / name
            same = ours.is_file() and theirs.is_file() and filecmp.cmp(ours, theirs, shallow=False)
            if not same:
                found.append(theirs)
    return found


def copy_into(package: Path) -> None:
    """Make the copies in a plug-in what the engine has."""
    for room in ROOMS:
        source, copy = ROOT / "scalediff_engine" / room, package / room
        copy.mkdir(parents=True, exist_ok=True)
        for name in _modules(copy) - _modules(source):
            (copy / name).unlink()
        for name in _modules(source):
            shutil.copyfile(source / name, copy / name)


def _modules(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("*.py")}


if __name__ == "__main__":
    for each in PACKAGES:
        copy_into(each)
