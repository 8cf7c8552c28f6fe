"""JPEG files as segments: is all of it there, its bit depth, and metadata besides EXIF.

Source: ITU T.81, annex B; XMP specification part 3, section 1.1.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_MARK = b"http://ns.adobe.com/xmp/extension/\0"
MAX_BODY_BYTES = 65_533
_APP1, _APP13, _SOS, _EOI = 0xE1, 0xED, 0xDA, 0xD9
END = bytes((0xFF, _EOI))
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PHOTOSHOP_MARK, _IPTC_RESOURCE = b"Photoshop 3.0\0", 0x0404
_COEFFICIENTS = 64
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


def bits_per_sample(data: bytes) -> tuple[int, int] | None:
    """The precision that the frame header says, and where; None if there is no frame."""
    try:
        for marker, body in segments(data):
            if marker in _FRAMES and body:
                return body[0], data.index(bytes((0xFF, marker)) + _length(body) + body) + 4
    except BadJpeg:
        pass
    return None


def has_all_scans(data: bytes) -> bool:
    """Whether every coefficient of every component is in a scan to its last bit.

    The last scan may still be cut off.
    """
    missing: dict[int, set[int]] = {}
    try:
        for marker, body in segments(data):
            if marker in _FRAMES and len(body) >= 6:
                lossless = marker in (0xC3, 0xC7, 0xCB, 0xCF)
                every = set(range(1 if lossless else _COEFFICIENTS))
                missing = {body[6 + 3 * i]: set(every) for i in range(body[5])}
            elif marker == _SOS and body:
                first, last, bits = body[-3:]
                for component in body[1 : 1 + 2 * body[0] : 2]:
                    if bits & 0x0F == 0 and component in missing:
                        missing[component] -= set(range(first, last + 1)) or {0}
    except (BadJpeg, IndexError, ValueError):
        pass
    return bool(missing) and not any(missing.values())


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
    position = _after_first(data)
    return data[:position] + _segment(_APP1, XMP_MARK + xmp) + data[position:]


def with_iptc(data: bytes, iptc: bytes) -> bytes:
    """A JPEG file with an IPTC record after its first segments, as Photoshop stores it.

    Raises:
        BadJpeg: the record is longer than a segment.
    """
    if not iptc:
        return data
    resource = struct.pack(">4sHHI", b"8BIM", _IPTC_RESOURCE, 0, len(iptc)) + iptc
    body = _PHOTOSHOP_MARK + resource + bytes(len(iptc) % 2)
    if len(body) > MAX_BODY_BYTES:
        raise BadJpeg(f"an IPTC record of {len(iptc)} bytes does not fit into a segment")
    position = _after_first(data)
    return data[:position] + _segment(_APP13, body) + data[position:]


def _after_first(data: bytes) -> int:
    """Behind JFIF and EXIF, which come first."""
    position = 2
    while data[position + 1] in (0xE0, _APP1):
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + _length(body) + body


def _length(body: bytes) -> bytes:
    return (len(body) + 2).to_bytes(2, "big")
