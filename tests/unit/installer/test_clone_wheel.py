from __future__ import annotations

import base64
import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

from installer.clone_wheel import write_clone_wheel
from installer.project import Project

PROJECT = Project(
    name="scalediff",
    version="0.1.0",
    requires_python=">=3.11",
    dependencies=("numpy>=2.0",),
    extras={"dev": ("pytest>=8", "colorama>=0.4; sys_platform == 'win32'")},
    scripts={"scalediff": "scalediff_engine.cli.main:run"},
)


def members_of(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {Path(name).name: archive.read(name).decode() for name in archive.namelist()}


def test_the_wheel_asks_for_the_dependencies_and_for_those_of_each_extra(tmp_path: Path) -> None:
    metadata = members_of(write_clone_wheel(PROJECT, tmp_path, tmp_path))["METADATA"]

    assert "Requires-Dist: numpy>=2.0\n" in metadata
    assert 'Requires-Dist: pytest>=8; extra == "dev"\n' in metadata
    assert (
        """Requires-Dist: colorama>=0.4; (sys_platform == 'win32') and extra == "dev"\n"""
        in metadata
    )


def test_the_pointer_to_a_clone_with_foreign_letters_is_ascii(tmp_path: Path) -> None:
    clone = Path("/home/Zoë/クローン")

    pointer = members_of(write_clone_wheel(PROJECT, clone, tmp_path))["scalediff_clone.pth"]

    assert pointer.isascii()
    imported: list[str] = []
    exec(pointer.replace("import sys; sys.path", "imported"), {"imported": imported})  # noqa: S102
    assert imported == [str(clone)]


def test_every_member_is_recorded_with_its_digest(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_clone_wheel(PROJECT, tmp_path, tmp_path)) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith("/RECORD"))
        rows = [line.split(",") for line in archive.read(record).decode().splitlines()]
        for name, digest, size in rows[:-1]:
            content = archive.read(name)
            raw = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
            assert (digest, int(size)) == (f"sha256={raw.rstrip('=')}", len(content))

    assert sorted(row[0] for row in rows) == sorted(names)


def test_a_changed_dependency_or_a_moved_clone_gives_another_version(tmp_path: Path) -> None:
    other = replace(PROJECT, dependencies=("numpy>=3.0",))
    wheels = {
        write_clone_wheel(PROJECT, tmp_path, tmp_path).name,
        write_clone_wheel(other, tmp_path, tmp_path).name,
        write_clone_wheel(PROJECT, tmp_path / "moved", tmp_path).name,
    }

    assert len(wheels) == 3
    assert write_clone_wheel(PROJECT, tmp_path, tmp_path).name in wheels
