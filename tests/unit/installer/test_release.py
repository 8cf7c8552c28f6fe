"""What a release consists of, and that the same commit gives the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from installer import release as releasing
from installer.core.errors import InstallError
from installer.plugin_zips import write_gimp_zip, write_zip
from installer.plugins import ROOT
from installer.release import SUMS, release


def test_the_zip_for_gimp_has_an_executable_script(tmp_path: Path) -> None:
    write_gimp_zip(tmp_path / "gimp.zip")

    with zipfile.ZipFile(tmp_path / "gimp.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes["scalediff/scalediff.py"] & 0o111 == 0o111
    assert modes["scalediff/scalediff_gimp/client/client.py"] & 0o111 == 0


@pytest.mark.parametrize("write", [write_zip, write_gimp_zip])
def test_a_plugin_carries_the_engine_and_what_installs_it(tmp_path: Path, write: object) -> None:
    wheel = tmp_path / "scalediff-9-py3-none-any.whl"
    wheel.write_bytes(b"the engine")
    assert callable(write)
    write(tmp_path / "plugin.zip", wheel)

    with zipfile.ZipFile(tmp_path / "plugin.zip") as archive:
        assert archive.read(f"scalediff/engine/{wheel.name}") == b"the engine"
        names = set(archive.namelist())
    core = {file.name for file in (ROOT / "installer" / "core").iterdir() if file.is_file()}
    assert {f"scalediff/installer/{name}" for name in core} <= names


def test_times_and_modes_of_a_build_do_not_matter(tmp_path: Path) -> None:
    made: list[bytes] = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        file = folder / "module.py"
        file.write_text("")
        file.chmod(0o600 + number * 0o11)
        os.utime(file, (1e9 + number * 100, 1e9 + number * 100))
        with tarfile.open(folder / "built.tar.gz", "w:gz") as archive:
            archive.add(file, "x/module.py")
        with zipfile.ZipFile(folder / "built.whl", "w") as wheel:
            wheel.write(file, "x/module.py")
        target = folder / "target"
        target.mkdir()
        made.append(
            releasing._normalized_sdist(folder / "built.tar.gz", target).read_bytes()
            + releasing._normalized_wheel(folder / "built.whl", target).read_bytes()
        )

    assert made[0] == made[1]


@pytest.mark.slow
def test_one_command_makes_all_files_of_a_release(tmp_path: Path) -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the files of a release are those of a commit, and this is no clone")
    try:
        files = release(tmp_path)
    except InstallError as error:
        if "ailed to fetch" in str(error) or "cannot be reached" in str(error):
            pytest.skip(f"the build backend cannot be downloaded: {error}")
        raise

    names = [file.name.replace("0.2.0", "VERSION") for file in files]
    assert len(names) == 5
    assert files[-1].name == SUMS
    for line in files[-1].read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    with zipfile.ZipFile(files[0]) as wheel:
        held = set(wheel.namelist())
    assert "scalediff_engine/plugin_sources/plugin_krita/scalediff.desktop" in held
    assert "scalediff_engine/plugin_sources/plugin_gimp/scalediff/scalediff.py" in held
    assert not [name for name in held if name.startswith(("tests/", "installer/"))]
