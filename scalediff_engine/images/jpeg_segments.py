"""JPEG files as segments: is the end there, and the XMP that did not fit into one segment.

Source: ITU T.81, annex B; XMP specification part 3, section 1.1.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_MARK = b"http://ns.adobe.com/xmp/extension/\0"
MAX_BODY_BYTES = 65_533
_APP1, _SOS, _EOI = 0xE1, 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


class BadJpeg(ValueError):
    """The bytes are no whole JPEG file."""


class Segment(NamedTuple):
    """A marker and what follows it, without its length."""

    marker: int
    body: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """Each segment up to the end of the first picture, its compressed data skipped.

    Raises:
        BadJpeg: the data end before that.
    """
    position = 2
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            raise BadJpeg(f"it ends after {len(data)} bytes, before the end of its picture")
        marker = data[position + 1]
        if marker in (0x00, 0xFF) or marker in _ALONE:  # compressed data, fill byte, restart
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _EOI:
            return
        (length,) = struct.unpack_from(">H", data.ljust(position + 4, b"\0"), position + 2)
        yield Segment(marker, data[position + 4 : position + 2 + length])
        position += 2 + max(2, length)


def require_end(data: bytes) -> None:
    """Pass if the picture ends as it should; a download that stopped early does not.

    Raises:
        BadJpeg: no end of picture.
    """
    for _ in segments(data):
        pass


def has_extended_xmp(data: bytes) -> bool:
    """Whether there is XMP beyond the first packet, in the segments made for that.

    Raises:
        BadJpeg: no end of picture.
    """
    return any(
        marker == _APP1 and body.startswith(EXTENDED_MARK) for marker, body in segments(data)
    )


def with_xmp(data: bytes, xmp: bytes) -> bytes:
    """A JPEG file with an XMP segment after its first ones.

    Raises:
        BadJpeg: the packet is longer than a segment.
    """
    if not xmp:
        return data
    if len(XMP_MARK) + len(xmp) > MAX_BODY_BYTES:
        raise BadJpeg(f"an XMP packet of {len(xmp)} bytes does not fit into a segment")
    position = 2
    while data[position + 1] in (0xE0, _APP1):  # JFIF and EXIF come first
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return data[:position] + _app1(XMP_MARK + xmp) + data[position:]


def _app1(body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, _APP1, len(body) + 2) + body
