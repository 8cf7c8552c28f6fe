from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from image_files import noise_u8, saved
from PIL import Image

from scalediff_engine.images import png_chunks
from scalediff_engine.images.decode_png import load, probe
from scalediff_engine.images.png_chunks import BadPng, Chunk

RGB = noise_u8(9, 11, 3)
PNG = saved(Image.fromarray(RGB), "PNG")


def _with(*extra: Chunk) -> bytes:
    return PNG[:33] + b"".join(chunk.encoded() for chunk in extra) + PNG[33:]


def test_metadata_after_the_pixels_is_read_too() -> None:
    text = png_chunks.xmp_chunk(b"<x/>").encoded()
    late = PNG[:-12] + text + PNG[-12:]
    assert load(late).picture.metadata.xmp == b"<x/>"
    assert probe(io.BytesIO(late)).xmp == b"<x/>"


def test_a_damaged_profile_is_none_and_the_pixels_stay() -> None:
    loaded = load(_with(Chunk(b"iCCP", b"name\0\0no deflate stream")))
    assert loaded.picture.icc is None
    np.testing.assert_array_equal(np.rint(loaded.picture.pixels * 255), RGB)


def test_a_description_for_hdr_screens_is_told_to_be_ignored() -> None:
    assert "cICP" in load(_with(Chunk(b"cICP", b"\x09\x10\0\x01"))).notes[0]


def test_a_gamma_unlike_srgbs_is_told_to_be_ignored_unless_a_profile_overrules_it() -> None:
    linear, usual = Chunk(b"gAMA", b"\0\x01\x86\xa0"), Chunk(b"gAMA", b"\0\0\xb1\x8f")
    assert "gamma of 1 " in load(_with(linear)).notes[0]
    assert load(_with(usual)).notes == ()
    assert load(_with(Chunk(b"sRGB", b"\0"), linear)).notes == ()


@pytest.mark.parametrize("depth_of_palette", [1, 2, 4])
def test_small_palettes_unpack(depth_of_palette: int) -> None:
    image = Image.fromarray(RGB).quantize(2**depth_of_palette)
    found = load(saved(image, "PNG", bits=depth_of_palette)).picture
    np.testing.assert_array_equal(np.rint(found.pixels * 255), np.asarray(image.convert("RGB")))


def test_pixels_that_stop_early_inside_a_sound_file_are_refused() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in RGB)
    short = Chunk(b"IDAT", zlib.compress(rows[: len(rows) // 2])).encoded()
    with pytest.raises((BadPng, RuntimeError)):
        load(PNG[:33] + short + PNG[-12:])


def test_a_file_without_pixels_is_refused() -> None:
    with pytest.raises(BadPng, match="0 bytes of pixels"):
        load(PNG[:33] + PNG[-12:])
