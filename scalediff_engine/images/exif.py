"""Image file directories and EXIF blocks: orientation, outdated sizes, TIFF's form of them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.base.geometry import Size

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
    found = position_of(exif, _ORIENTATION) if exif else None
    if exif is None or found is None:
        return Orientation.UPRIGHT
    position, kind, layout = found
    size = 2 if kind == 3 else 4 if kind == 4 else 1
    value = int.from_bytes(exif[position : position + size], _endian(layout))
    return Orientation(value) if 1 <= value <= 8 else Orientation.UPRIGHT


def upright(exif: bytes) -> bytes:
    """The same block with its orientation set to 1; every other byte stays where it is."""
    found = position_of(exif, _ORIENTATION)
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
        layout, offset = header(exif)
        main = parse(exif, offset, layout)
    except BadDirectory:
        return exif
    below = main.children.get(EXIF_POINTER)
    if below is None or not {_PIXEL_X, _PIXEL_Y} & below.entries.keys():
        return exif
    return _patched(exif, layout, offset, size)


def _patched(exif: bytes, layout: Layout, offset: int, size: Size) -> bytes:
    """``exif`` with the two dimension tags overwritten where they lie, so that nothing moves."""
    patched = bytearray(exif)
    for pointer in raw_entries(exif, offset, layout):
        if pointer.tag != EXIF_POINTER:
            continue
        start = int.from_bytes(exif[pointer.position : pointer.position + 4], _endian(layout))
        for entry in raw_entries(exif, start, layout):
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
        layout, offset = header(exif)
        pointer, second = next_directory(exif, offset, layout)
    except BadDirectory:
        return exif
    if not second:
        return exif
    block, width = bytearray(exif), 8 if layout.big else 4
    block[pointer : pointer + width] = bytes(width)
    try:
        stale = raw_entries(exif, second, layout)
        end = next_directory(exif, second, layout)[0] + width
    except BadDirectory:
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


def _numbers(exif: bytes, entries: list[RawEntry], tag: int, layout: Layout) -> tuple[int, ...]:
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
        layout, first = header(data)
        main = parse(data, first if offset is None else offset, layout)
    except BadDirectory:
        return None
    kept = {tag: entry for tag, entry in main.entries.items() if tag in _DESCRIPTIVE}
    if _DESCRIPTION in kept and _LAYOUT_IN_WORDS.match(kept[_DESCRIPTION].value):
        del kept[_DESCRIPTION]
    if not kept and not main.children:
        return None
    if _ORIENTATION in main.entries:
        kept[_ORIENTATION] = short(1)
    block = Directory(kept, main.children)
    return b"II*\0\x08\0\0\0" + serialise(block, 8, Layout("<"))


def descriptive(exif: bytes) -> Directory:
    """The part of an EXIF block that belongs into a TIFF file's first directory.

    Raises:
        BadDirectory: the block is damaged.
    """
    layout, offset = header(exif)
    main = parse(exif, offset, layout)
    kept = {tag: entry for tag, entry in main.entries.items() if tag in _DESCRIPTIVE}
    return Directory(kept, main.children)


def _endian(layout: Layout) -> Endian:
    return "little" if layout.order == "<" else "big"


def with_resolution(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """The block, or a new one, with ``dpi`` in it unless it says a resolution already."""
    if dpi is None or resolution(exif) is not None:
        return exif
    try:
        layout, offset = header(exif or b"")
        main = parse(exif or b"", offset, layout)
    except BadDirectory:
        if exif:
            return exif
        main = Directory()
    if exif and main.children:
        return exif  # moving everything could break a maker's notes; the resolution is less
    across, down = (rational(side) for side in dpi)
    added = {_X_RESOLUTION: across, _Y_RESOLUTION: down, _RESOLUTION_UNIT: short(2)}
    block = Directory(main.entries | added)
    return b"II*\0\x08\0\0\0" + serialise(block, 8, Layout("<"))


def resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Horizontal and vertical dots per inch, or None if the block does not say."""
    if not exif:
        return None
    try:
        layout, offset = header(exif)
        entries = parse(exif, offset, layout).entries
    except BadDirectory:
        return None
    across, down = (number(entries.get(tag)) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    unit = number(entries.get(_RESOLUTION_UNIT)) or 2
    if not across or not down or unit not in (2, 3):
        return None
    per_inch = 2.54 if unit == 3 else 1.0
    return across * per_inch, down * per_inch


Order = Literal["<", ">"]
Endian = Literal["little", "big"]

EXIF_POINTER = 0x8769
GPS_POINTER = 0x8825
INTEROP_POINTER = 0xA005
_POINTERS = (EXIF_POINTER, GPS_POINTER, INTEROP_POINTER)
_MAX_DEPTH = 3
_MAX_ENTRIES = 4096

# type -> bytes of a value, bytes of the numbers it is made of (rationals: two of 4)
_TYPES = {
    1: (1, 1),
    2: (1, 1),
    3: (2, 2),
    4: (4, 4),
    5: (8, 4),
    6: (1, 1),
    7: (1, 1),
    8: (2, 2),
    9: (4, 4),
    10: (8, 4),
    11: (4, 4),
    12: (8, 8),
    13: (4, 4),
    16: (8, 8),
    17: (8, 8),
    18: (8, 8),
}


class BadDirectory(ValueError):
    """The bytes are no directory."""


class Layout(NamedTuple):
    """Byte order, and whether offsets have 8 bytes (BigTIFF)."""

    order: Order
    big: bool = False


@dataclass(frozen=True)
class Entry:
    """One tag: ``count`` values of TIFF type ``kind``, little-endian in ``value``."""

    kind: int
    count: int
    value: bytes


@dataclass(frozen=True)
class Directory:
    """Tags, and the directories that pointer tags lead to, both by tag number."""

    entries: dict[int, Entry] = field(default_factory=dict)
    children: dict[int, Directory] = field(default_factory=dict)


class RawEntry(NamedTuple):
    """Where an entry's value lies in the bytes of its block, and how long it is there."""

    tag: int
    kind: int
    values: int
    position: int
    size: int


def short(value: int) -> Entry:
    """One 16-bit number."""
    return Entry(3, 1, struct.pack("<H", value))


def rational(value: float) -> Entry:
    """One positive fraction, to a thousandth."""
    return Entry(5, 1, struct.pack("<II", min(2**32 - 1, round(value * 1000)), 1000))


def number(entry: Entry | None) -> float | None:
    """The first value of an entry of kind short, long or rational, else None."""
    if entry is None:
        return None
    if entry.kind == 5:
        above, below = struct.unpack_from("<II", entry.value)
        return above / below if below else None
    if entry.kind in (3, 4):
        return float(int.from_bytes(entry.value[: _TYPES[entry.kind][0]], "little"))
    return None


def header(data: bytes) -> tuple[Layout, int]:
    """The layout of a TIFF structure and the offset of its first directory.

    Raises:
        BadDirectory: no TIFF header.
    """
    orders: dict[bytes, Order] = {b"II": "<", b"MM": ">"}
    order = orders.get(data[:2])
    if order is None or len(data) < 8:
        raise BadDirectory("no TIFF header")
    magic = int(struct.unpack_from(order + "H", data, 2)[0])
    if magic == 42:
        return Layout(order), int(struct.unpack_from(order + "I", data, 4)[0])
    if magic == 43 and len(data) >= 16:
        return Layout(order, big=True), int(struct.unpack_from(order + "Q", data, 8)[0])
    raise BadDirectory("no TIFF header")


def parse(data: bytes, offset: int, layout: Layout, *, depth: int = 0) -> Directory:
    """Read the directory at ``offset`` and those below it; broken entries are left out.

    Raises:
        BadDirectory: ``offset`` leads nowhere.
    """
    entries: dict[int, Entry] = {}
    children: dict[int, Directory] = {}
    for tag, kind, count, position, size in raw_entries(data, offset, layout):
        value = _swapped(data[position : position + size], kind, layout.order)
        if tag not in _POINTERS:
            entries[tag] = Entry(kind, count, value)
        elif depth < _MAX_DEPTH and len(value) in (4, 8):
            try:
                below = parse(data, int.from_bytes(value, "little"), layout, depth=depth + 1)
            except BadDirectory:
                continue
            children[tag] = below
    return Directory(entries, children)


def raw_entries(data: bytes, offset: int, layout: Layout) -> list[RawEntry]:
    """Each sound entry of the directory at ``offset``.

    Raises:
        BadDirectory: ``offset`` leads nowhere.
    """
    order, big = layout
    count_code, entry_code, field_bytes = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    found: list[RawEntry] = []
    if not 8 <= offset < len(data):
        raise BadDirectory(f"a directory at {offset} of {len(data)} bytes")
    try:
        number = int(struct.unpack_from(order + count_code, data, offset)[0])
        if number > _MAX_ENTRIES:
            raise BadDirectory(f"a directory of {number} entries at {offset}")
        position = offset + struct.calcsize(order + count_code)
        for _ in range(number):
            tag, kind, count = struct.unpack_from(order + entry_code, data, position)
            position += struct.calcsize(order + entry_code)
            size = _TYPES.get(kind, (0, 0))[0] * count
            where = position
            if size > field_bytes:
                where = int(struct.unpack_from(order + ("Q" if big else "I"), data, position)[0])
            if size > 0 and where + size <= len(data):
                found.append(RawEntry(tag, kind, count, where, size))
            position += field_bytes
    except struct.error as error:
        raise BadDirectory("the directory is cut off") from error
    return found


def next_directory(data: bytes, offset: int, layout: Layout) -> tuple[int, int]:
    """Where the directory at ``offset`` keeps the offset of the next one, and that (0: none).

    Raises:
        BadDirectory: the directory is cut off.
    """
    order, big = layout
    try:
        number = int(struct.unpack_from(order + ("Q" if big else "H"), data, offset)[0])
        position = offset + (8 + 20 * number if big else 2 + 12 * number)
        return position, int(struct.unpack_from(order + ("Q" if big else "I"), data, position)[0])
    except struct.error as error:
        raise BadDirectory("the directory is cut off") from error


def position_of(data: bytes, tag: int) -> tuple[int, int, Layout] | None:
    """Where the value of ``tag`` lies in a block's first directory: position, kind, layout."""
    try:
        layout, offset = header(data)
        entries = raw_entries(data, offset, layout)
    except BadDirectory:
        return None
    return next(
        ((position, kind, layout) for found, kind, _, position, _ in entries if found == tag), None
    )


def serialise(directory: Directory, at: int, layout: Layout) -> bytes:
    """The bytes of ``directory`` and all below it, to be placed at absolute offset ``at``."""
    order, big = layout
    field_bytes = 8 if big else 4
    tags = sorted({*directory.entries, *directory.children})
    table_bytes = (8 if big else 2) + len(tags) * (20 if big else 12) + field_bytes
    table = struct.pack(order + ("Q" if big else "H"), len(tags))
    values = b""
    for tag in tags:
        here = at + table_bytes + len(values)
        entry = directory.entries.get(tag)
        if entry is None:
            below = serialise(directory.children[tag], here, layout)
            values += below + b"\0" * (len(below) % 2)
            entry = Entry(18 if big else 4, 1, here.to_bytes(field_bytes, "little"))
            stored = _swapped(entry.value, entry.kind, order)
        else:
            stored = _swapped(entry.value, entry.kind, order)
            if len(stored) > field_bytes:
                values += stored + b"\0" * (len(stored) % 2)
                stored = struct.pack(order + ("Q" if big else "I"), here)
        table += struct.pack(order + ("HHQ" if big else "HHI"), tag, entry.kind, entry.count)
        table += stored.ljust(field_bytes, b"\0")
    return table + b"\0" * field_bytes + values


def _swapped(value: bytes, kind: int, order: Order) -> bytes:
    """``value`` from byte order ``order`` to little-endian, or back."""
    unit = _TYPES.get(kind, (1, 1))[1]
    if order == "<" or unit == 1:
        return value
    return b"".join(value[i : i + unit][::-1] for i in range(0, len(value), unit))
