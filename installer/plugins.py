"""Completes the plug-in folders: each gets a copy of the packages that it needs at run time.

The copies are built and not committed. ``python3 installer/plugins.py`` builds them in a clone; the
zip and the tests of the plug-ins do it by themselves.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ("client", "plugin_common")
# The package of each plug-in that holds the copies.
PACKAGES = (
    ROOT / "plugin_krita" / "scalediff",
    ROOT / "plugin_gimp" / "scalediff" / "scalediff_gimp",
)


def build() -> None:
    """Make the copies in all plug-in folders equal to the engine's packages."""
    for package in PACKAGES:
        for name in SHARED:
            _copy(ROOT / "scalediff_engine" / name, package / name)


def _copy(source: Path, copy: Path) -> None:
    """Write only what differs, and each file whole: several processes may do this at once."""
    copy.mkdir(parents=True, exist_ok=True)
    wanted = {file.name: file.read_bytes() for file in source.glob("*.py")}
    for file in copy.glob("*.py"):
        if file.name not in wanted:
            file.unlink(missing_ok=True)
    for name, content in wanted.items():
        target = copy / name
        if not target.is_file() or target.read_bytes() != content:
            draft = copy / f".{name}.{os.getpid()}"
            draft.write_bytes(content)
            draft.replace(target)


if __name__ == "__main__":
    build()
