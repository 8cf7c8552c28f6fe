"""Makes the zips of the plug-ins: the same bytes for the same files.

``python3 -m installer.plugin_zips`` makes both in this folder, without the engine;
:mod:`installer.release` makes those that carry it.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from installer.plugins import ROOT, build

_NAME = "scalediff"
# A zip knows no time before this one, and a build's own would make each zip another.
MOMENT = (1980, 1, 1, 0, 0, 0)
_FILE_MODE, _PROGRAM_MODE, _FOLDER_MODE = 0o100644 << 16, 0o100755 << 16, 0o40755 << 16
_IS_FOLDER = 0x10
_KINDS = (".py", ".html")
_CORE_KINDS = (".py", ".txt")


def write_zip(target: Path, engine: Path | None = None) -> None:
    """Write the zip that Krita's own importer takes; it appears whole or not at all.

    Args:
        target: the zip
        engine: the engine's wheel, which goes into it with the installer

    Raises:
        OSError: it cannot be written.
    """
    plugin = ROOT / "plugin_krita"
    files = {
        f"{_NAME}.desktop": (plugin / f"{_NAME}.desktop").read_bytes(),
        f"actions/{_NAME}.action": (plugin / "actions" / f"{_NAME}.action").read_bytes(),
    }
    _write(target, files, plugin / _NAME, engine)


def write_gimp_zip(target: Path, engine: Path | None = None) -> None:
    """Write the zip whose folder goes into GIMP's folder of plug-ins; see `write_zip`."""
    _write(target, {}, ROOT / "plugin_gimp" / _NAME, engine)


def _write(target: Path, files: dict[str, bytes], folder: Path, engine: Path | None) -> None:
    build()
    for file in sorted(folder.rglob("*")):
        if file.suffix in _KINDS:
            files[f"{_NAME}/{file.relative_to(folder).as_posix()}"] = file.read_bytes()
    if engine is not None:
        for file in sorted((ROOT / "installer" / "core").iterdir()):
            if file.suffix in _CORE_KINDS:
                files[f"{_NAME}/installer/{file.name}"] = file.read_bytes()
        files[f"{_NAME}/engine/{engine.name}"] = engine.read_bytes()
    draft = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            # Krita's importer looks for the folder itself
            entry = zipfile.ZipInfo(f"{_NAME}/", MOMENT)
            entry.external_attr = _FOLDER_MODE | _IS_FOLDER
            archive.writestr(entry, b"")
            for name, data in files.items():
                add(archive, name, data, is_program=name == f"{_NAME}/{_NAME}.py")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def add(archive: zipfile.ZipFile, name: str, data: bytes, *, is_program: bool = False) -> None:
    """Add a file to a zip, without what differs from build to build."""
    entry = zipfile.ZipInfo(name, MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _PROGRAM_MODE if is_program else _FILE_MODE
    entry.create_system = 3  # or Windows would say otherwise
    archive.writestr(entry, data)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    write_zip(folder / f"{_NAME}-krita.zip")
    write_gimp_zip(folder / f"{_NAME}-gimp.zip")
