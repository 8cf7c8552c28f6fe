"""A wheel that holds no code but points to the clone.

pip and uv install it like any other: it brings the dependencies, the extras and the ``scalediff``
program, on every system and also under paths with spaces. An editable install would do the same
after downloading a build backend, and it writes into the clone, which may be read-only.

Source: the binary distribution format,
https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from pathlib import Path

from installer.project import Project

_TAG = "py3-none-any"


def write_clone_wheel(project: Project, clone: Path, folder: Path) -> Path:
    """Write the wheel into a folder and give its path.

    The version carries a digest of what the wheel holds, so that a changed one replaces the
    installed one without being forced.
    """
    name = re.sub(r"[-_.]+", "_", project.name).lower()
    program = _entry_points(project)
    pointer = _pointer(clone)
    unversioned = _metadata(project, "")
    mark = hashlib.sha256((program + pointer + unversioned).encode()).hexdigest()[:8]
    version = f"{project.version}+clone.{mark}"
    info = f"{name}-{version}.dist-info"
    members = {
        f"{name}_clone.pth": pointer,
        f"{info}/METADATA": _metadata(project, version),
        f"{info}/WHEEL": (
            f"Wheel-Version: 1.0\nGenerator: {name}\nRoot-Is-Purelib: true\nTag: {_TAG}\n"
        ),
        f"{info}/entry_points.txt": program,
    }
    members[f"{info}/RECORD"] = _record(members, f"{info}/RECORD")
    wheel = folder / f"{name}-{version}-{_TAG}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return wheel


def _pointer(clone: Path) -> str:
    # a .pth is read in the locale's encoding before Python 3.13; escapes survive every one
    return f"import sys; sys.path.append({str(clone)!a})\n"


def _metadata(project: Project, version: str) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project.name}",
        f"Version: {version}",
        f"Requires-Python: {project.requires_python}",
        *(f"Requires-Dist: {dependency}" for dependency in project.dependencies),
    ]
    for extra, dependencies in project.extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_only_with(extra, needed)}" for needed in dependencies]
    return "\n".join(lines) + "\n"


def _only_with(extra: str, dependency: str) -> str:
    requirement, _, marker = dependency.partition(";")
    condition = f'extra == "{extra}"'
    if marker.strip():
        condition = f"({marker.strip()}) and {condition}"
    return f"{requirement.strip()}; {condition}"


def _entry_points(project: Project) -> str:
    programs = "".join(f"{name} = {target}\n" for name, target in project.scripts.items())
    return f"[console_scripts]\n{programs}"


def _record(members: dict[str, str], record: str) -> str:
    lines: list[str] = []
    for member, content in members.items():
        raw = content.encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")
        lines.append(f"{member},sha256={digest},{len(raw)}")
    return "\n".join([*lines, f"{record},,"]) + "\n"
