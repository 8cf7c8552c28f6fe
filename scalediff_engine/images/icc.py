"""ICC profiles as far as their header and name.

Source: ICC.1:2022, sections 7.2 (header), 7.3 (tag table), 10.15 (multi-localized text); ICC.1:2001
for the older text description.
"""

from __future__ import annotations

import struct

from scalediff_engine.images.picture import ColourModel

_MODELS = {b"GRAY": ColourModel.GREY, b"RGB ": ColourModel.RGB, b"CMYK": ColourModel.CMYK}


def model_of(profile: bytes) -> ColourModel | None:
    """The colour model that the header names, or None if it is none of ours or no profile."""
    if len(profile) < 132 or profile[36:40] != b"acsp":
        return None
    return _MODELS.get(profile[16:20])


def name_of(profile: bytes) -> str | None:
    """The profile's description, or None if it has none that can be read."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        for index in range(min(count, 200)):
            tag, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
            if tag == b"desc":
                return _text(profile[offset : offset + size]) or None
    except (struct.error, ValueError):
        pass
    return None


def _text(element: bytes) -> str:
    if element[:4] == b"mluc":
        length, offset = struct.unpack_from(">II", element, 20)
        return element[offset : offset + length].decode("utf-16-be").strip("\0 ")
    (length,) = struct.unpack_from(">I", element, 8)
    return element[12 : 12 + length].decode("latin-1").strip("\0 ")
