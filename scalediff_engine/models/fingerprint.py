"""A model's fingerprint: quick to take of many gigabytes, and another for any other training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

_ENDS_BYTES = 2**20
_SAMPLES = 64
_SAMPLE_BYTES = 2**14


def fingerprint(files: Sequence[Path], extras: Iterable[str] = ()) -> str:
    """Give a SHA-256 of files' sizes, both of their ends and samples all the way through.

    All of it would take half a minute for the largest models; training changes every weight, so
    samples tell two models apart as well.

    Args:
        files: in a fixed order; their names do not matter
        extras: what else decides the picture

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{size};".encode())
        with path.open("rb") as file:
            for start, length in _places(size):
                file.seek(start)
                digest.update(file.read(length))
    for extra in extras:
        digest.update(f"{extra};".encode())
    return digest.hexdigest()


def _places(size: int) -> list[tuple[int, int]]:
    """Where to read: everything of a small file, both ends and samples of a large one."""
    if size <= 4 * _ENDS_BYTES:
        return [(0, size)]
    step = size // _SAMPLES
    samples = [(i * step, _SAMPLE_BYTES) for i in range(1, _SAMPLES)]
    return [(0, _ENDS_BYTES), *samples, (size - _ENDS_BYTES, _ENDS_BYTES)]
