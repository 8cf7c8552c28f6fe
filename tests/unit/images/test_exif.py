from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import EXIF_TURNED, THUMBNAIL, exif_with_thumbnail, noise_u8, tiff
from PIL import Image, ImageOps

from scalediff_engine.base.geometry import Size
from scalediff_engine.images import exif
from scalediff_engine.images.exif import Orientation


def _block(orientation: int = 1, *, big_endian: bool = False) -> bytes:
    block = Image.Exif()
    block.endian = ">" if big_endian else "<"
    block[0x0112] = orientation
    block[0x010F] = "A maker"
    block.get_ifd(0x8769)[0xA002] = 640
    block.get_ifd(0x8769)[0xA003] = 480
    return block.tobytes().removeprefix(b"Exif\0\0")


def _as_pillow_reads(block: bytes) -> Image.Exif:
    read = Image.Exif()
    read.load(b"Exif\0\0" + block)
    return read


@pytest.mark.parametrize("value", range(1, 9))
def test_all_eight_orientations_are_applied_as_pillow_does(value: int) -> None:
    samples = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    image = Image.fromarray(samples)
    image.getexif()[0x0112] = value
    theirs = ImageOps.exif_transpose(image)
    assert theirs is not None
    np.testing.assert_array_equal(exif.applied(samples, Orientation(value)), np.asarray(theirs))
    assert Orientation(value).swaps_sides == (theirs.size == (5, 7))


@pytest.mark.parametrize("big_endian", [False, True])
def test_the_orientation_is_read_and_set_to_1_without_moving_a_byte(big_endian: bool) -> None:
    block = _block(6, big_endian=big_endian)
    assert exif.orientation(block) is Orientation.TURNED_90
    upright = exif.upright(block)
    assert exif.orientation(upright) is Orientation.UPRIGHT
    assert sum(a != b for a, b in zip(block, upright, strict=True)) == 1
    assert _as_pillow_reads(upright)[0x010F] == "A maker"


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_a_nonsense_orientation_means_upright(value: int) -> None:
    assert exif.orientation(_block(value)) is Orientation.UPRIGHT


def test_the_pixel_dimensions_follow_the_picture() -> None:
    block = _as_pillow_reads(exif.with_size(_block(), Size(2560, 1920)))
    assert block.get_ifd(0x8769)[0xA002] == 2560
    assert block.get_ifd(0x8769)[0xA003] == 1920


def test_a_resolution_is_added_unless_there_is_one() -> None:
    made = exif.with_resolution(None, (300.0, 150.0))
    assert exif.resolution(made) == (300.0, 150.0)
    assert exif.with_resolution(made, (72.0, 72.0)) == made
    added = exif.with_resolution(EXIF_TURNED, (96.0, 96.0))
    assert exif.resolution(added) == (96.0, 96.0)
    assert exif.orientation(added) is Orientation.TURNED_90


def test_a_resolution_in_centimetres_becomes_inches() -> None:
    block = Image.Exif()
    block[282], block[283], block[296] = 100.0, 100.0, 3
    assert exif.resolution(block.tobytes()[6:]) == (254.0, 254.0)


def test_the_marker_before_the_block_is_taken_off() -> None:
    assert exif.without_prefix(b"Exif\0\0II*\0") == b"II*\0"
    assert exif.without_prefix(b"II*\0") == b"II*\0"
    assert exif.without_prefix(b"Exif\0\0") is None
    assert exif.without_prefix(None) is None


def test_the_orientation_in_xmp_is_set_to_1_in_both_spellings() -> None:
    assert exif.upright_xmp(b'<d tiff:Orientation="6"/>') == b'<d tiff:Orientation="1"/>'
    element = b"<tiff:Orientation>8</tiff:Orientation>"
    assert exif.upright_xmp(element) == b"<tiff:Orientation>1</tiff:Orientation>"


def test_a_tiff_files_descriptive_tags_become_a_block_without_its_layout() -> None:
    image, file = Image.new("RGB", (4, 3)), io.BytesIO()
    block = Image.Exif()
    block[0x010F] = "A maker"
    block.get_ifd(0x8769)[0x829A] = 0.5
    block.get_ifd(0x8825)[1] = "N"
    image.save(file, "TIFF", exif=block.tobytes())
    found = exif.from_tiff(file.getvalue())
    assert found is not None
    read = _as_pillow_reads(found)
    assert dict(read) | {0x8769: 0, 0x8825: 0} == {0x010F: "A maker", 0x8769: 0, 0x8825: 0}
    assert float(read.get_ifd(0x8769)[0x829A]) == 0.5
    assert read.get_ifd(0x8825)[1] == "N"


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60), st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_damaged_blocks_never_raise(tail: bytes, at: int, patch: bytes) -> None:
    sound = _block(6)
    damaged = sound[:at] + patch + sound[at + len(patch) :]
    for block in (tail, b"II*\0" + tail, b"MM\0*\0\0\0\x08" + tail, damaged, sound[:at]):
        exif.orientation(block)
        exif.upright(block)
        exif.with_size(block, Size(9, 9))
        exif.with_resolution(block, (72.0, 72.0))
        exif.from_tiff(block)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A barn at dusk", True),
        ('{"shape": [47, 61]}', False),
        ("ImageJ=1.54f\nimages=1\n", False),
        ('<?xml version="1.0"?><!-- Warning --><OME xmlns="x"><Image/></OME>', False),
    ],
)
def test_a_description_of_the_old_files_layout_does_not_go_on(text: str, kept: bool) -> None:
    found = exif.from_tiff(tiff(noise_u8(4, 5, 3), photometric="rgb", description=text))
    description = None if found is None else _as_pillow_reads(found).get(270)
    assert description == (text if kept else None)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_thumbnail_is_cut_off_or_blanked_and_nothing_else_moves(order: str) -> None:
    at_the_end = exif.without_thumbnail(exif_with_thumbnail(order))
    assert at_the_end == exif_with_thumbnail(order)[:22] + bytes(4) + b"A maker\0"
    with_notes = exif_with_thumbnail(order, after=b"a maker's notes")
    blanked = exif.without_thumbnail(with_notes)
    assert len(blanked) == len(with_notes)
    assert blanked.endswith(b"a maker's notes")
    assert THUMBNAIL not in blanked
    assert blanked[: len(at_the_end)] == at_the_end


@pytest.mark.parametrize("cut", range(0, 110, 7))
def test_a_damaged_second_directory_never_raises(cut: int) -> None:
    exif.without_thumbnail(exif_with_thumbnail()[:cut])


def test_a_second_directory_in_a_circle_is_only_forgotten() -> None:
    circular = bytearray(exif_with_thumbnail())
    circular[22:26] = (8).to_bytes(4, "little")
    forgotten = exif.without_thumbnail(bytes(circular))
    assert forgotten == bytes(circular[:22]) + bytes(4) + bytes(circular[26:])
