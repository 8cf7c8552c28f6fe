"""A wheel that holds no code but points to the clone.

uv installs it like any other: it brings the ``scalediff`` program, on every system and also under
paths with spaces. An editable install would do the same after downloading a build backend, and it
writes into the clone, which may be read-only.

Source: the binary distribution format,
https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from pathlib import Path

_NAME, _TAG = "scalediff", "py3-none-any"
_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)
_PROGRAM = re.compile(r'^scalediff = "([^"]+)"', re.MULTILINE)


def write_clone_wheel(clone: Path, folder: Path) -> Path:
    """Write the wheel into a folder and return its path."""
    source = (clone / "scalediff_engine" / "__init__.py").read_text("utf-8")
    version = (found[1] if (found := _VERSION.search(source)) else "0") + "+clone"
    program = _PROGRAM.search((clone / "pyproject.toml").read_text("utf-8"))
    target = program[1] if program else "scalediff_engine.cli.main:run"
    info = f"{_NAME}-{version}.dist-info"
    members = {
        # a .pth is read in the locale's encoding before Python 3.13; escapes survive every one
        f"{_NAME}_clone.pth": f"import sys; sys.path.append({str(clone)!a})\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {version}\n",
        f"{info}/WHEEL": (
            f"Wheel-Version: 1.0\nGenerator: {_NAME}\nRoot-Is-Purelib: true\nTag: {_TAG}\n"
        ),
        f"{info}/entry_points.txt": f"[console_scripts]\n{_NAME} = {target}\n",
    }
    members[f"{info}/RECORD"] = _record(members, f"{info}/RECORD")
    wheel = folder / f"{_NAME}-{version}-{_TAG}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return wheel


def _record(members: dict[str, str], record: str) -> str:
    lines: list[str] = []
    for member, content in members.items():
        raw = content.encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")
        lines.append(f"{member},sha256={digest},{len(raw)}")
    return "\n".join([*lines, f"{record},,"]) + "\n"
