"""EXIF blocks: the orientation, sizes that became wrong, and the way into and out of TIFF files."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.base.geometry import Size
from scalediff_engine.images import ifd

_ORIENTATION = 0x0112
_DESCRIPTION = 270
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_PIXEL_X, _PIXEL_Y = 0xA002, 0xA003
# Descriptive tags of a TIFF's first directory that belong into an EXIF block: description, maker,
# model, software, date, artist, host, rating, copyright, IPTC, Windows' title to subject. All
# others say how this file's pixels are laid out.
_DESCRIPTIVE = frozenset(
    {269, 270, 271, 272, 305, 306, 315, 316, 18246, 18249, 33432, 33723, *range(40091, 40096)}
)
# What programs for science keep there: sizes and planes of this very file.
_LAYOUT_IN_WORDS = re.compile(
    rb"""\s*(\{"shape":|ImageJ=|SCIFIO=|<\?xml[^<]*(<!--.*?-->\s*)?<OME)""", re.S
)
# where its data start, and their length: JPEG, then strips
_THUMBNAIL_TAGS = ((0x0201, 0x0202), (0x0111, 0x0117))
_XMP_THUMBNAILS = re.compile(rb"<xmp:Thumbnails\b[^>]*>.*?</xmp:Thumbnails>\s*", re.S)
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>)\s*)[2-8]""")


class Orientation(IntEnum):
    """How the stored rows and columns are to be shown (TIFF 6.0, tag 274)."""

    UPRIGHT = 1
    MIRRORED = 2
    TURNED_180 = 3
    FLIPPED = 4
    TRANSPOSED = 5
    TURNED_90 = 6
    TRANSVERSED = 7
    TURNED_270 = 8

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self >= Orientation.TRANSPOSED


def without_prefix(exif: bytes | None) -> bytes | None:
    """The TIFF structure of an EXIF block, without the "Exif" marker; None if there is nothing."""
    if not exif:
        return None
    block = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    return block or None


def orientation(exif: bytes | None) -> Orientation:
    """What the block's orientation tag says; upright when it is missing or nonsense."""
    found = ifd.position_of(exif, _ORIENTATION) if exif else None
    if exif is None or found is None:
        return Orientation.UPRIGHT
    position, kind, layout = found
    size = 2 if kind == 3 else 4 if kind == 4 else 1
    value = int.from_bytes(exif[position : position + size], _endian(layout))
    return Orientation(value) if 1 <= value <= 8 else Orientation.UPRIGHT


def upright(exif: bytes) -> bytes:
    """The same block with its orientation set to 1; every other byte stays where it is."""
    found = ifd.position_of(exif, _ORIENTATION)
    if found is None:
        return exif
    position, kind, layout = found
    size = 2 if kind == 3 else 4 if kind == 4 else 1
    one = (1).to_bytes(size, _endian(layout))
    return exif[:position] + one + exif[position + size :]


def upright_xmp(xmp: bytes) -> bytes:
    """The same XMP packet with its tiff:Orientation, if it has one, set to 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def applied(samples: NDArray[Any], how: Orientation) -> NDArray[Any]:
    """``samples`` (H, W, ...) as they are meant to be seen; rows and columns may swap."""
    if how.swaps_sides:
        samples = samples.swapaxes(0, 1)
    if how in (
        Orientation.MIRRORED,
        Orientation.TURNED_180,
        Orientation.TURNED_90,
        Orientation.TRANSVERSED,
    ):
        samples = samples[:, ::-1]
    if how in (
        Orientation.TURNED_180,
        Orientation.FLIPPED,
        Orientation.TRANSVERSED,
        Orientation.TURNED_270,
    ):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)


def with_size(exif: bytes, size: Size) -> bytes:
    """The same block with its pixel dimensions, if it has any, set to ``size``."""
    try:
        layout, offset = ifd.header(exif)
        main = ifd.parse(exif, offset, layout)
    except ifd.BadDirectory:
        return exif
    below = main.children.get(ifd.EXIF_POINTER)
    if below is None or not {_PIXEL_X, _PIXEL_Y} & below.entries.keys():
        return exif
    return _patched(exif, layout, offset, size)


def _patched(exif: bytes, layout: ifd.Layout, offset: int, size: Size) -> bytes:
    """``exif`` with the two dimension tags overwritten where they lie, so that nothing moves."""
    patched = bytearray(exif)
    for pointer in ifd.raw_entries(exif, offset, layout):
        if pointer.tag != ifd.EXIF_POINTER:
            continue
        start = int.from_bytes(exif[pointer.position : pointer.position + 4], _endian(layout))
        for entry in ifd.raw_entries(exif, start, layout):
            if entry.tag in (_PIXEL_X, _PIXEL_Y) and entry.kind in (3, 4):
                side_px = size.width if entry.tag == _PIXEL_X else size.height
                if side_px < 256**entry.size:
                    stored = side_px.to_bytes(entry.size, _endian(layout))
                    patched[entry.position : entry.position + entry.size] = stored
    return bytes(patched)


def without_thumbnail(exif: bytes) -> bytes:
    """The same block without its second directory, which describes a thumbnail of the old picture.

    The thumbnail's bytes are cut off or become 0; nothing else moves.
    """
    try:
        layout, offset = ifd.header(exif)
        pointer, second = ifd.next_directory(exif, offset, layout)
    except ifd.BadDirectory:
        return exif
    if not second:
        return exif
    block, width = bytearray(exif), 8 if layout.big else 4
    block[pointer : pointer + width] = bytes(width)
    try:
        stale = ifd.raw_entries(exif, second, layout)
        end = ifd.next_directory(exif, second, layout)[0] + width
    except ifd.BadDirectory:
        return bytes(block)
    if second < pointer + width:  # in a circle, or into the first one
        return bytes(block)
    ranges = [(second, end - second), *((entry.position, entry.size) for entry in stale)]
    for start_tag, length_tag in _THUMBNAIL_TAGS:
        starts, lengths = (_numbers(exif, stale, tag, layout) for tag in (start_tag, length_tag))
        ranges += list(zip(starts, lengths, strict=False))
    for start, length in ranges:
        end = min(start + length, len(block))
        block[start:end] = bytes(max(0, end - start))
    for start, length in sorted(ranges, reverse=True):  # most have it at the end
        if start + length >= len(block) and start >= pointer + width:
            del block[start:]
    return bytes(block)


def _numbers(
    exif: bytes, entries: list[ifd.RawEntry], tag: int, layout: ifd.Layout
) -> tuple[int, ...]:
    """The values of a tag of whole numbers."""
    for entry in entries:
        if entry.tag == tag and entry.kind in (3, 4):
            size = 2 if entry.kind == 3 else 4
            stored = exif[entry.position : entry.position + entry.size]
            values = (stored[at : at + size] for at in range(0, entry.size, size))
            return tuple(int.from_bytes(value, _endian(layout)) for value in values)
    return ()


def without_xmp_thumbnails(xmp: bytes) -> bytes:
    """The same XMP packet without thumbnails of the old picture."""
    return _XMP_THUMBNAILS.sub(b"", xmp)


def from_tiff(data: bytes, offset: int | None = None) -> bytes | None:
    """The descriptive tags of a directory of a TIFF file as an EXIF block, or None.

    Args:
        data: the whole file
        offset: of the directory; None = the first
    """
    try:
        layout, first = ifd.header(data)
        main = ifd.parse(data, first if offset is None else offset, layout)
    except ifd.BadDirectory:
        return None
    kept = {tag: entry for tag, entry in main.entries.items() if tag in _DESCRIPTIVE}
    if _DESCRIPTION in kept and _LAYOUT_IN_WORDS.match(kept[_DESCRIPTION].value):
        del kept[_DESCRIPTION]
    if not kept and not main.children:
        return None
    if _ORIENTATION in main.entries:
        kept[_ORIENTATION] = ifd.short(1)
    block = ifd.Directory(kept, main.children)
    return b"II*\0\x08\0\0\0" + ifd.serialise(block, 8, ifd.Layout("<"))


def descriptive(exif: bytes) -> ifd.Directory:
    """The part of an EXIF block that belongs into a TIFF file's first directory.

    Raises:
        ifd.BadDirectory: the block is damaged.
    """
    layout, offset = ifd.header(exif)
    main = ifd.parse(exif, offset, layout)
    kept = {tag: entry for tag, entry in main.entries.items() if tag in _DESCRIPTIVE}
    return ifd.Directory(kept, main.children)


def _endian(layout: ifd.Layout) -> ifd.Endian:
    return "little" if layout.order == "<" else "big"


def with_resolution(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """The block, or a new one, with ``dpi`` in it unless it says a resolution already."""
    if dpi is None or resolution(exif) is not None:
        return exif
    try:
        layout, offset = ifd.header(exif or b"")
        main = ifd.parse(exif or b"", offset, layout)
    except ifd.BadDirectory:
        if exif:
            return exif
        main = ifd.Directory()
    if exif and main.children:
        return exif  # moving everything could break a maker's notes; the resolution is less
    across, down = (ifd.rational(side) for side in dpi)
    added = {_X_RESOLUTION: across, _Y_RESOLUTION: down, _RESOLUTION_UNIT: ifd.short(2)}
    block = ifd.Directory(main.entries | added)
    return b"II*\0\x08\0\0\0" + ifd.serialise(block, 8, ifd.Layout("<"))


def resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Horizontal and vertical dots per inch, or None if the block does not say."""
    if not exif:
        return None
    try:
        layout, offset = ifd.header(exif)
        entries = ifd.parse(exif, offset, layout).entries
    except ifd.BadDirectory:
        return None
    across, down = (ifd.number(entries.get(tag)) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    unit = ifd.number(entries.get(_RESOLUTION_UNIT)) or 2
    if not across or not down or unit not in (2, 3):
        return None
    per_inch = 2.54 if unit == 3 else 1.0
    return across * per_inch, down * per_inch
