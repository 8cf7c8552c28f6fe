from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from image_files import noise_u8, saved
from PIL import Image

from scalediff_engine.images import jpeg_segments
from scalediff_engine.images.decode_pillow import NotAPicture, load, probe
from scalediff_engine.images.jpeg_segments import BadJpeg
from scalediff_engine.images.picture import ColourModel, Depth, Text

RGB = noise_u8(9, 11, 3)


def test_sixteen_bit_greymaps_keep_their_depth() -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (9, 11)).astype(np.uint16)
    data = b"P5 11 9 65535\n" + samples.astype(">u2").tobytes()
    found = load(data).picture
    assert (found.model, found.depth) == (ColourModel.GREY, Depth.U16)
    np.testing.assert_array_equal(np.rint(found.pixels[..., 0] * 65535), samples)
    assert probe(io.BytesIO(data)).depth is Depth.U16


def test_sixteen_bit_pixmaps_are_told_to_lose_depth() -> None:
    samples = RGB.astype(np.uint16) * 257
    loaded = load(b"P6 11 9 65535\n" + samples.astype(">u2").tobytes())
    assert loaded.notes == ("Its samples have more than 8 bits; 8 were read.",)
    np.testing.assert_allclose(loaded.picture.pixels * 255, RGB, atol=1)


def test_jpegs_with_further_xmp_or_pictures_tell_it() -> None:
    jpeg = saved(Image.fromarray(RGB), "JPEG")
    body = jpeg_segments.EXTENDED_MARK + bytes(50)
    more = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    assert "XMP goes on" in load(jpeg[:2] + more + jpeg[2:]).notes[0]
    image = Image.fromarray(RGB)
    several = saved(image, "MPO", save_all=True, append_images=[image])
    assert "more than one picture" in load(several).notes[0]


@pytest.mark.parametrize("mode", ["LA", "P", "RGBA", "L"])
def test_the_header_says_what_reading_gives(mode: str) -> None:
    data = saved(Image.fromarray(RGB).convert(mode), "TGA")
    found, header = load(data).picture, probe(io.BytesIO(data))
    assert (found.model, found.depth) == (header.model, header.depth)
    assert (found.alpha is not None) == header.has_alpha == ("A" in mode)


def test_bytes_of_no_known_format_are_no_picture() -> None:
    with pytest.raises(NotAPicture):
        load(b"PK\x03\x04 a zip file" * 9)


@pytest.mark.parametrize("grey", [False, True])
def test_twelve_bit_jpegs_become_sixteen_bits_with_their_metadata(grey: bool) -> None:
    ramp = np.linspace(0, 4095, 16 * 24).reshape(16, 24).round().astype(np.uint16)
    samples = ramp if grey else np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=-1)
    data = bytes(imagecodecs.jpeg8_encode(samples, level=98, bitspersample=12, subsampling="444"))
    comment = b"\xff\xfe\x00\x07hello"
    found = load(data[:2] + comment + data[2:]).picture
    assert found.depth is Depth.U16
    assert found.model is (ColourModel.GREY if grey else ColourModel.RGB)
    expected = samples.reshape(16, 24, -1) / 4095
    np.testing.assert_allclose(found.pixels, expected, atol=0.02)
    steps = np.unique(np.rint(found.pixels * 4095))
    assert len(steps) > 300  # more than 8 bits hold
    assert found.metadata.texts == (Text("Comment", "hello"),)
    header = probe(io.BytesIO(data))
    assert (header.depth, header.model, header.size) == (found.depth, found.model, found.size)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("channels", [3, 4])
def test_avif_keeps_its_depth(bits: int, channels: int) -> None:
    top = 2**bits - 1
    ramp = np.linspace(0, top, 16 * 24).reshape(16, 24).round()
    samples = np.stack([ramp, ramp[::-1], ramp, ramp[::-1]][:channels], axis=-1)
    dtype = np.uint8 if bits == 8 else np.uint16
    data = imagecodecs.avif_encode(
        samples.astype(dtype), level=100, bitspersample=bits, pixelformat="444"
    )
    found, header = load(bytes(data)).picture, probe(io.BytesIO(bytes(data)))
    assert found.depth is header.depth is (Depth.U8 if bits == 8 else Depth.U16)
    assert (found.alpha is not None) == header.has_alpha == (channels == 4)
    np.testing.assert_allclose(found.pixels, samples[..., :3] / top, atol=0.02)
    if bits > 8:
        assert len(np.unique(np.rint(found.pixels * top))) > 300


_JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "grey": {},
}


def _jpeg(kind: str) -> bytes:
    image = Image.fromarray(noise_u8(40, 56, 3))
    return saved(image.convert("L") if kind == "grey" else image, "JPEG", **_JPEGS[kind])


@pytest.mark.parametrize("kind", _JPEGS)
@pytest.mark.parametrize("lost", [1, 2])
def test_a_jpeg_without_its_end_marker_is_read_with_a_note(kind: str, lost: int) -> None:
    data = _jpeg(kind)
    found = load(data[:-lost])
    np.testing.assert_array_equal(found.picture.pixels, load(data).picture.pixels)
    assert found.notes == ("Its end marker is missing; all of its pixels were read.",)
    assert load(data).notes == ()


@pytest.mark.parametrize("kind", _JPEGS)
def test_a_jpeg_without_all_of_its_pixels_is_refused(kind: str) -> None:
    data = _jpeg(kind)
    for lost in (6, 10, 30, 100, len(data) // 4, len(data) // 2):
        with pytest.raises(BadJpeg, match="before the end"):
            load(data[:-lost])


def test_a_jpeg_without_its_last_scans_is_refused() -> None:
    data = _jpeg("progressive")
    last = data.rindex(b"\xff\xda")
    start = data.rindex(b"\xff\xc4", 0, last)  # with the table of that scan
    with pytest.raises(BadJpeg, match="before the end"):
        load(data[:start])


def test_the_iptc_record_and_the_comment_of_a_jpeg_are_read() -> None:
    record = b"\x1c\x02\x78\x00\x07caption"
    data = saved(Image.fromarray(RGB), "JPEG", comment="Café".encode())
    metadata = load(jpeg_segments.with_iptc(data, record)).picture.metadata
    assert metadata.iptc == record
    assert metadata.texts == (Text("Comment", "Café"),)


def test_lossy_webp_is_known_from_lossless() -> None:
    for image in (Image.fromarray(RGB), Image.fromarray(RGB).convert("RGBA")):
        assert load(saved(image, "WEBP")).picture.metadata.is_lossy
        assert not load(saved(image, "WEBP", lossless=True)).picture.metadata.is_lossy
    frames = {"save_all": True, "append_images": [Image.fromarray(RGB[::-1])]}
    assert load(saved(Image.fromarray(RGB), "WEBP", **frames)).picture.metadata.is_lossy
