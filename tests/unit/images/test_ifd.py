from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_engine.images import exif
from scalediff_engine.images.exif import Directory, Entry, Layout

LAYOUTS = [Layout("<"), Layout(">"), Layout("<", big=True), Layout(">", big=True)]
TREE = Directory(
    {
        271: Entry(2, 6, b"maker\0"),
        282: exif.rational(300.0),
        296: exif.short(2),
        700: Entry(1, 3, b"xyz"),
    },
    {
        exif.EXIF_POINTER: Directory(
            {0xA002: Entry(4, 1, b"\x80\x02\0\0")},
            {exif.INTEROP_POINTER: Directory({1: Entry(2, 4, b"R98\0")})},
        )
    },
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("at", [16, 1000])
def test_a_tree_comes_back_from_either_byte_order_and_width(layout: Layout, at: int) -> None:
    data = bytes(at) + exif.serialise(TREE, at, layout)
    assert exif.parse(data, at, layout) == TREE


def test_numbers_are_read_from_shorts_longs_and_fractions() -> None:
    assert exif.number(exif.short(7)) == 7
    assert exif.number(exif.rational(72.5)) == 72.5
    assert exif.number(TREE.children[exif.EXIF_POINTER].entries[0xA002]) == 640
    assert exif.number(Entry(2, 2, b"a\0")) is None
    assert exif.number(Entry(5, 1, bytes(8))) is None
    assert exif.number(None) is None


def test_a_directory_that_points_at_itself_ends() -> None:
    loop = b"\x01\0" + b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" + bytes(4)
    found = exif.parse(b"II*\0\x08\0\0\0" + loop, 8, Layout("<"))
    assert not found.entries


@pytest.mark.parametrize("data", [b"", b"II", b"XX*\0\x08\0\0\0", b"II\x2c\0\x08\0\0\0"])
def test_other_bytes_are_no_tiff_structure(data: bytes) -> None:
    with pytest.raises(exif.BadDirectory):
        exif.header(data)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damage_is_a_bad_directory_or_a_smaller_one(data: st.DataObject) -> None:
    layout = data.draw(st.sampled_from(LAYOUTS))
    sound = bytearray(bytes(8) + exif.serialise(TREE, 8, layout))
    for _ in range(data.draw(st.integers(1, 4))):
        sound[data.draw(st.integers(8, len(sound) - 1))] = data.draw(st.integers(0, 255))
    try:
        exif.parse(bytes(sound), 8, layout)
    except exif.BadDirectory:
        return
