"""Numbers as people read them."""

from __future__ import annotations

import unicodedata

from scalediff_engine.spec.footprint import GIB

# how Python carries the bytes of a file name that is not UTF-8; they go out as they came in
_UNDECODABLE = ("\udc80", "\udcff")
# of emoji and of scripts that join their letters
_JOINERS = ("\u200c", "\u200d")


def duration(seconds: float) -> str:
    """Give a duration with the digits that an estimate deserves: 0.4 s, 12 s, 1 h 20 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def gib(count_bytes: int) -> str:
    """Give an amount of memory in GiB."""
    return f"{count_bytes / GIB:.1f} GiB"


def file_size(count_bytes: int) -> str:
    """Give the size of files or the space for them in MiB, or in GiB from there on."""
    return gib(count_bytes) if count_bytes >= GIB else f"{count_bytes / 2**20:.1f} MiB"


def plural(count: int, noun: str) -> str:
    """Give ``1 file`` or ``3 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_line(text: str) -> str:
    r"""Give ``text`` with line breaks and control characters as ``\n``, ``\x1b``, ``\u202e``.

    File names may hold them, and a terminal would obey.
    """
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable()
        or unicodedata.category(character) == "Zs"
        or character in _JOINERS
        or _UNDECODABLE[0] <= character <= _UNDECODABLE[1]
    )
