"""Makes what a release consists of: ``python3 -m installer.release [FOLDER]``, ``dist`` by default.

The wheel, the source distribution, both plug-ins with the engine's wheel and the installer in them,
and their SHA-256 sums. The same commit gives the same bytes: only files of the commit go in, with
fixed times and modes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from installer.core.download import fetch_uv, find_uv, read_index_settings
from installer.core.errors import InstallError
from installer.core.installation import CONSTRAINTS
from installer.plugin_zips import add, write_gimp_zip, write_zip
from installer.plugins import ROOT

_MOMENT_S = 315532800  # 1980-01-01, as in the zips
SUMS = "SHA256SUMS"


def main(arguments: list[str]) -> int:
    """Make everything; gives the exit code."""
    folder = Path(arguments[0] if arguments else ROOT / "dist")
    try:
        for file in release(folder):
            print(f"{file.stat().st_size:>12,}  {file}")
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def release(folder: Path) -> list[Path]:
    """Make everything in a folder and return the files.

    Raises:
        InstallError: a step failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scalediff-release-") as scratch:
        stage, built = Path(scratch, "stage"), Path(scratch, "built")
        _stage(stage)
        _build(stage, built)
        wheel = _normalized_wheel(next(built.glob("*.whl")), folder)
        sdist = _normalized_sdist(next(built.glob("*.tar.gz")), folder)
    version = wheel.name.split("-")[1]
    krita, gimp = (folder / f"scalediff-{name}-{version}.zip" for name in ("krita", "gimp"))
    write_zip(krita, wheel)
    write_gimp_zip(gimp, wheel)
    files = [wheel, sdist, krita, gimp]
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / SUMS).write_text("".join(sums), encoding="utf-8")
    return [*files, folder / SUMS]


def _stage(stage: Path) -> None:
    """Copy the files of the commit; the plug-ins' sources become data of the package."""
    listed = _run(["git", "ls-files", "-z"], ROOT).split("\0")
    for name in filter(None, listed):
        if not (ROOT / name).is_file():
            continue
        is_plugin = name.startswith(("plugin_krita/", "plugin_gimp/"))
        target = stage / ("scalediff_engine/plugin_sources" if is_plugin else ".") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())


def _build(stage: Path, built: Path) -> None:
    settings = read_index_settings(os.environ)
    tools = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scalediff" / "tools"
    uv = find_uv(tools, os.environ) or fetch_uv(tools, settings, os.environ, lambda *_: None)
    command = [str(uv), "build", "--no-config", "--build-constraints", str(CONSTRAINTS)]
    command += ["--require-hashes", "--out-dir", str(built), str(stage)]
    _run(command, stage, {**settings.for_uv(os.environ), "SOURCE_DATE_EPOCH": str(_MOMENT_S)})


def _run(command: list[str], folder: Path, more: dict[str, str] | None = None) -> str:
    environ = {**os.environ, **(more or {})}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        output = getattr(error, "stderr", "") or ""
        raise InstallError(f"{command[0]} failed: {error}. {output.strip()[-500:]}") from error
    return done.stdout


def _normalized_wheel(source: Path, folder: Path) -> Path:
    target = folder / source.name
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            add(new, name, old.read(name))
    return target


def _normalized_sdist(source: Path, folder: Path) -> Path:
    target = folder / source.name
    packed = io.BytesIO()
    with tarfile.open(source) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            member.mtime, member.uid, member.gid = _MOMENT_S, 0, 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member))
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=_MOMENT_S) as zipped,
    ):
        zipped.write(packed.getvalue())
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
