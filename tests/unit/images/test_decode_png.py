from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from image_files import noise_u8, saved
from numpy.typing import NDArray
from PIL import Image

from scalediff_engine.base.errors import UnreadablePicture
from scalediff_engine.images import png, reader
from scalediff_engine.images.picture import Text
from scalediff_engine.images.png import BadPng, Chunk, load, probe

RGB = noise_u8(9, 11, 3)
PNG = saved(Image.fromarray(RGB), "PNG")


def _with(*extra: Chunk) -> bytes:
    return PNG[:33] + b"".join(chunk.encoded() for chunk in extra) + PNG[33:]


def test_metadata_after_the_pixels_is_read_too() -> None:
    text = png.xmp_chunk(b"<x/>").encoded()
    late = PNG[:-12] + text + PNG[-12:]
    assert load(late).picture.metadata.xmp == b"<x/>"
    assert probe(io.BytesIO(late)).xmp == b"<x/>"


def test_a_damaged_profile_is_told_and_the_pixels_stay() -> None:
    loaded = load(_with(Chunk(b"iCCP", b"name\0\0no deflate stream")))
    assert loaded.picture.icc is None
    assert "profile is damaged" in loaded.notes[0]
    np.testing.assert_array_equal(np.rint(loaded.picture.pixels * 255), RGB)


GAMMA, LINEAR = Chunk(b"gAMA", b"\0\0\xb1\x8f"), Chunk(b"gAMA", b"\0\x01\x86\xa0")
P3_POINTS = Chunk(
    b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
)
SRGB, P3 = Chunk(b"sRGB", b"\0"), Chunk(b"cICP", b"\x0c\x0d\0\x01")


@pytest.mark.parametrize(
    ("chunks", "named"),
    [
        ((Chunk(b"cICP", b"\x09\x10\0\x01"),), "HDR"),
        ((Chunk(b"cICP", b"\x09\x12\0\x01"),), "HDR"),
        ((P3,), "(cICP)"),
        ((GAMMA, P3_POINTS), "(cHRM)"),
        ((LINEAR,), "(gAMA)"),
        ((GAMMA,), None),
        ((SRGB, LINEAR), None),
        ((Chunk(b"cICP", b"\x01\x0d\0\x01"), LINEAR), None),
    ],
)
def test_colours_that_are_not_srgb_are_told_and_only_hdr_is_called_so(
    chunks: tuple[Chunk, ...], named: str | None
) -> None:
    loaded = load(_with(*chunks))
    assert [named in note for note in loaded.notes] == ([True] if named else [])
    assert any("HDR" in note for note in loaded.notes) == (named == "HDR")
    assert loaded.picture.metadata.colour_chunks == chunks


def test_texts_are_read_and_the_recipes_packet_is_none_of_them() -> None:
    texts = (Text("parameters", "a cat"), Text("Title", "Café", "fr"))
    chunks = (png.xmp_chunk(b"<x/>"), *(png.text_chunk(text) for text in texts))
    metadata = load(_with(*chunks)).picture.metadata
    assert (metadata.texts, metadata.xmp) == (texts, b"<x/>")


def test_texts_that_are_left_out_are_told() -> None:
    damaged = Chunk(b"zTXt", b"Title\0\0no deflate stream")
    exif = Chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 4\n45786966")
    loaded = load(_with(damaged, exif))
    assert loaded.picture.metadata.texts == ()
    assert ["Title" in loaded.notes[0], "Raw profile type exif" in loaded.notes[1]] == [True, True]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9), (8, 8), (21, 13)])
@pytest.mark.parametrize(("colour", "bits"), [(0, 1), (0, 16), (2, 8), (2, 16), (3, 2), (6, 16)])
def test_interlaced_files_read_as_plain_ones(size: tuple[int, int], colour: int, bits: int) -> None:
    (width, height), channels = size, png.CHANNELS[colour]
    random = np.random.default_rng(4)
    samples = random.integers(0, 2**bits, (height, width, channels))
    palette = [Chunk(b"PLTE", random.bytes(3 * 2**bits))] * (colour == 3)
    plain, interlaced = (
        _file_of(size, colour, bits, palette, interlace, samples) for interlace in (0, 1)
    )
    found = load(interlaced).picture
    np.testing.assert_array_equal(found.pixels, load(plain).picture.pixels)
    assert found.depth is load(plain).picture.depth


def _file_of(
    size: tuple[int, int],
    colour: int,
    bits: int,
    palette: list[Chunk],
    interlace: int,
    samples: NDArray[np.int64],
) -> bytes:
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2)]
    passes += [(0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, across in passes if interlace else [(0, 0, 1, 1)]:
        part = samples[top::down, left::across]
        for row in part if part.size else ():
            planes = row.ravel()[:, None] >> np.arange(bits - 1, -1, -1)
            rows += b"\0" + np.packbits((planes & 1).astype(np.uint8)).tobytes()
    head = Chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, interlace))
    chunks = [head, *palette, Chunk(b"IDAT", zlib.compress(rows)), png.END]
    return png.SIGNATURE + b"".join(chunk.encoded() for chunk in chunks)


def test_an_interlaced_file_that_ends_early_is_refused() -> None:
    samples = np.zeros((9, 9, 3), np.int64)
    sound = load(_file_of((9, 9), 2, 8, [], 1, samples))
    assert sound.picture.pixels.shape == (9, 9, 3)
    short = _file_of((9, 9), 2, 8, [], 1, samples[:5])
    with pytest.raises((BadPng, RuntimeError)):
        load(short)


@pytest.mark.parametrize("missing", [1, 6, 12])
def test_a_file_without_its_end_marker_is_read_with_a_note(missing: int) -> None:
    loaded = load(PNG[:-missing])
    np.testing.assert_array_equal(np.rint(loaded.picture.pixels * 255), RGB)
    assert loaded.notes == ("Its end marker is missing; all of its pixels were read.",)


def test_a_file_without_its_last_pixels_is_refused() -> None:
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in RGB))
    first = Chunk(b"IDAT", body[: len(body) // 2]).encoded()
    with pytest.raises((BadPng, RuntimeError)):
        load(PNG[:33] + first)


def test_apples_variant_is_named_and_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG[:8] + Chunk(b"CgBI", b"\x50\0\x20\2").encoded() + PNG[8:])
    with pytest.raises(UnreadablePicture, match="CgBI") as refusal:
        reader.load(path)
    assert "damaged" not in str(refusal.value)


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
