from __future__ import annotations

import io

import numpy as np
import pytest
from image_files import noise_u8, saved
from PIL import Image

from scalediff_engine.images import jpeg_segments
from scalediff_engine.images.decode_pillow import NotAPicture, load, probe
from scalediff_engine.images.picture import ColourModel, Depth

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


def test_float_maps_stay_float() -> None:
    samples = np.random.default_rng(0).normal(0, 3, (9, 11)).astype(np.float32)
    loaded = load(b"Pf\n11 9\n-1.0\n" + samples[::-1].tobytes())
    assert loaded.picture.depth is Depth.F32
    np.testing.assert_array_equal(loaded.picture.pixels[..., 0], samples)


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
