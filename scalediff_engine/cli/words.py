"""Words for a terminal."""

from __future__ import annotations

import unicodedata

# how Python carries the bytes of a file name that is not UTF-8; they go out as they came in
_UNDECODABLE = ("\udc80", "\udcff")
# of emoji and of scripts that join their letters
_JOINERS = ("\u200c", "\u200d")


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
