from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from installer.clone_wheel import write_clone_wheel


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "Zoë" / "クローン"
    (folder / "scalediff_engine").mkdir(parents=True)
    (folder / "scalediff_engine" / "__init__.py").write_text('import os\n__version__ = "0.4.0"\n')
    (folder / "pyproject.toml").write_text('[project.scripts]\nscalediff = "engine.main:run"\n')
    return folder


def members_of(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {Path(name).name: archive.read(name).decode() for name in archive.namelist()}


def test_the_wheel_has_the_version_and_the_program_of_the_clone(
    clone: Path, tmp_path: Path
) -> None:
    members = members_of(write_clone_wheel(clone, tmp_path))

    assert "Version: 0.4.0+clone\n" in members["METADATA"]
    assert members["entry_points.txt"] == "[console_scripts]\nscalediff = engine.main:run\n"


def test_the_pointer_to_a_clone_with_foreign_letters_is_ascii(clone: Path, tmp_path: Path) -> None:
    pointer = members_of(write_clone_wheel(clone, tmp_path))["scalediff_clone.pth"]

    assert pointer.isascii()
    imported: list[str] = []
    exec(pointer.replace("import sys; sys.path", "imported"), {"imported": imported})  # noqa: S102
    assert imported == [str(clone)]


def test_every_member_is_recorded_with_its_digest(clone: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(write_clone_wheel(clone, tmp_path)) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith("/RECORD"))
        rows = [line.split(",") for line in archive.read(record).decode().splitlines()]
        for name, digest, size in rows[:-1]:
            content = archive.read(name)
            raw = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
            assert (digest, int(size)) == (f"sha256={raw.rstrip('=')}", len(content))

    assert sorted(row[0] for row in rows) == sorted(names)
