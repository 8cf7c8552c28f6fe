"""What an environment's folder holds, measured and removed."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

from installer.layout import ON_WINDOWS, Layout
from installer.stamp import record_name


def site_packages_of(env: Path, python: str) -> Path:
    """Give the folder of packages of an environment with a Python such as "3.11"."""
    return env / ("Lib/site-packages" if ON_WINDOWS else f"lib/python{python}/site-packages")


def installed_in(site_packages: Path) -> dict[str, tuple[str, ...]]:
    """Give "name==version" of each package -> the names that it owns in site-packages."""
    installed: dict[str, tuple[str, ...]] = {}
    for record in sorted(site_packages.glob("*.dist-info/RECORD")):
        name, _, version = record.parent.name.removesuffix(".dist-info").partition("-")
        pin = f"{name}=={version}"
        with record.open(encoding="utf-8", newline="") as file:
            owned = {row[0].replace("\\", "/").split("/")[0] for row in csv.reader(file) if row}
        owned -= {"..", "__pycache__", record_name(pin)}
        installed[pin] = tuple(sorted(owned))
    return installed


def leftovers(layout: Layout) -> list[Path]:
    """Give what lies in the environment's folder besides the lock and the log."""
    kept = {layout.lock, layout.log}
    return [path for path in layout.env.iterdir() if path not in kept]


def remove(paths: list[Path]) -> None:
    """Remove files and whole folders; what is not there is fine."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def free_bytes(path: Path) -> int:
    """Give the free space on the disk of a path, which need not exist yet."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return shutil.disk_usage(existing).free


def size_bytes(folder: Path) -> int:
    """Give the sum of the sizes of all files in a folder."""
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum((Path(parent) / name).lstat().st_size for name in names)
    return total
