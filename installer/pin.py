"""Writes the pinned versions with their hashes: ``python3 installer/pin.py [--upgrade]``.

``constraints.txt`` has everything but PyTorch's own files, whose hashes differ from index to index;
``torch.txt`` has those of the ordinary package index.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "installer" / "core"
_BLOCK = re.compile(r"^\S.*(?:\n +.*)*", re.MULTILINE)
_OF_TORCH = re.compile(r"(torch|triton|cuda-[a-z-]+|nvidia-(?!ml-py)[a-z0-9-]+)==")
_TORCH = re.compile(r"torch==([\d.]+)")


def split(compiled: str) -> tuple[str, str]:
    """Return the constraints without PyTorch's hashes, and those of PyTorch."""
    others: list[str] = []
    torch: list[str] = []
    for block in _BLOCK.findall(compiled):
        if not _OF_TORCH.match(block):
            others.append(block)
            continue
        torch.append(block)
        version = _TORCH.match(block)
        if version is not None:
            others.append(version[0])
    return "\n".join(others) + "\n", "\n".join(torch) + "\n"


def main(arguments: list[str]) -> int:
    """Run uv and write both files."""
    files = [CORE / "constraints.txt", CORE / "torch.txt"]
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--all-extras"]
    command += ["--no-emit-index-url", "--no-config", *arguments, str(ROOT / "pyproject.toml")]
    if "--upgrade" not in arguments:
        for file in files:
            command += ["--constraint", str(file)]
    compiled = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for file, text in zip(files, split(compiled)):  # noqa: B905 - strict= needs Python 3.10
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
