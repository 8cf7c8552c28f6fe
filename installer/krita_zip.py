"""Makes the zip that Krita's own importer takes: the same bytes for the same files."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from installer.plugins import ROOT, build

_PLUGIN = ROOT / "plugin_krita"
_NAME = "scalediff"
# A zip knows no time before this one, and a build's own would make each zip another.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_FILE_MODE, _FOLDER_MODE = 0o100644 << 16, 0o40755 << 16
_IS_FOLDER = 0x10
_KINDS = (".py", ".html")


def write_zip(target: Path) -> None:
    """Write the zip; it appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    build()
    draft = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            _add(archive, f"{_NAME}.desktop", (_PLUGIN / f"{_NAME}.desktop").read_bytes())
            action = _PLUGIN / "actions" / f"{_NAME}.action"
            _add(archive, f"actions/{_NAME}.action", action.read_bytes())
            # the importer looks for the folder itself
            folder = zipfile.ZipInfo(f"{_NAME}/", _MOMENT)
            folder.external_attr = _FOLDER_MODE | _IS_FOLDER
            archive.writestr(folder, b"")
            for file in sorted((_PLUGIN / _NAME).rglob("*")):
                if file.suffix in _KINDS:
                    _add(archive, file.relative_to(_PLUGIN).as_posix(), file.read_bytes())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _FILE_MODE
    entry.create_system = 3  # or Windows would say otherwise
    archive.writestr(entry, data)


if __name__ == "__main__":
    write_zip(Path(sys.argv[1] if len(sys.argv) > 1 else "scalediff-krita.zip"))
