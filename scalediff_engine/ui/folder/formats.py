"""Which files are pictures, and which endings results have; the engine's own table is the law.

A test compares the two, since the dialogs know nothing of the engine but the wire.
"""

from __future__ import annotations

from pathlib import PurePath

# Formats that are written: their endings, the usual one first.
WRITTEN = {
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "webp": (".webp",),
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
}
LONGEST_SIDE_PX = {"png": 1_000_000, "webp": 16_383, "jpeg": 65_500, "tiff": 2**31 - 1}
HAS_QUALITY = ("webp", "jpeg")
READ_ONLY = frozenset(
    {
        *(".bmp", ".dib", ".gif", ".tga", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
        *(".pcx", ".sgi", ".rgb", ".qoi", ".avif"),
    }
)
_FORMATS = {ending: form for form, endings in WRITTEN.items() for ending in endings}


def format_of(suffix: str) -> str | None:
    """Give the format that an ending names; none = it is not written."""
    return _FORMATS.get(suffix.lower())


def is_picture(name: str) -> bool:
    """Tell whether the ending is one that is read."""
    suffix = PurePath(name).suffix.lower()
    return suffix in _FORMATS or suffix in READ_ONLY


def ending(suffix: str, wanted: str | None) -> tuple[str, str]:
    """Give the format of a result and its ending.

    Args:
        suffix: of the source
        wanted: the format; none = the source's, or PNG where that is not written
    """
    own = format_of(suffix)
    form = wanted or own or "png"
    return form, suffix if own == form else WRITTEN[form][0]
