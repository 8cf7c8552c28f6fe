"""Files that appear whole or not at all, and files and folders that are their owner's alone."""

from __future__ import annotations

import os
import secrets
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Callable, Optional

PART_PREFIX = ".scalediff-"
# Windows refuses to replace a file that is open; a reader is done in microseconds.
_REPLACE_TRIES = 20


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, and likewise those above it as needed."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True, mode=0o700)
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)


def open_private(file: Path) -> BinaryIO:
    """Open a file to append to, which nobody but its owner can read; a link is not followed.

    Raises:
        OSError: it cannot be opened, or is a link.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    opened = os.fdopen(os.open(file, flags, 0o600), "ab")
    if os.name == "posix":
        os.fchmod(opened.fileno(), 0o600)
    return opened


def private_opener(file: str, flags: int) -> int:
    """Open a file, as ``open`` asks for it; a new one is its owner's alone."""
    return os.open(file, flags, 0o600)


def replace(draft: Path, target: Path) -> None:
    """Rename ``draft`` to ``target``, which it replaces.

    Raises:
        OSError: it cannot be renamed.
    """
    for _ in range(_REPLACE_TRIES if sys.platform == "win32" else 0):
        with suppress(PermissionError):
            draft.replace(target)
            return
        time.sleep(0.05)
    draft.replace(target)


def draft_of(target: Path, word: Optional[str] = None) -> Path:
    """Return the temporary file beside ``target``; ``word`` makes its name predictable."""
    return target.with_name(f"{PART_PREFIX}{word or secrets.token_hex(8)}.part")


@contextmanager
def whole_file(
    target: Path,
    *,
    private: bool = False,
    flush: bool = False,
    word: Optional[str] = None,
    publish: Callable[[Path, Path], None] = replace,
) -> Generator[BinaryIO]:
    """Open a file that appears at ``target`` when the block ends; an error leaves nothing.

    Args:
        target: of the file
        private: whether only its owner can read it, from its first byte on
        flush: whether it is on the disk before it gets its name
        word: see ``draft_of``
        publish: gives the temporary file its name

    Raises:
        OSError: it cannot be written.
    """
    draft = draft_of(target, word)
    try:
        with open(draft, "xb", opener=private_opener if private else None) as file:
            yield file
            if flush:
                file.flush()
                os.fsync(file.fileno())
        publish(draft, target)
    finally:
        draft.unlink(missing_ok=True)
