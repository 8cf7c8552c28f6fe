"""TIFF directories (IFDs) as values: the structure inside EXIF blocks and TIFF files.

Source: TIFF 6.0, section 2; Exif 2.32, section 4.6; BigTIFF (libtiff's design page).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

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
