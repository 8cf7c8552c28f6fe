from __future__ import annotations

import io

import pytest
from image_files import XMP, noise_u8, saved
from PIL import Image

from scalediff_engine.images import jpeg_segments
from scalediff_engine.images.jpeg_segments import BadJpeg

JPEG = saved(Image.fromarray(noise_u8(30, 40, 3)), "JPEG")


def test_a_whole_file_ends() -> None:
    jpeg_segments.require_end(JPEG)
    jpeg_segments.require_end(JPEG + b"a trailer of some camera")
    jpeg_segments.require_end(saved(Image.fromarray(noise_u8(30, 40, 3)), "JPEG", progressive=True))


@pytest.mark.parametrize("kept", [2, 10, 200, len(JPEG) // 2, len(JPEG) - 2])
def test_a_file_that_stops_early_is_refused_also_if_zeros_follow(kept: int) -> None:
    for tail in (b"", bytes(len(JPEG) - kept)):
        with pytest.raises(BadJpeg, match="before the end of its picture"):
            jpeg_segments.require_end(JPEG[:kept] + tail)


def test_another_reader_finds_the_xmp() -> None:
    image = Image.open(io.BytesIO(jpeg_segments.with_xmp(JPEG, XMP)))
    assert image.info["xmp"] == XMP
    image.load()


def test_xmp_longer_than_a_segment_is_refused() -> None:
    jpeg_segments.with_xmp(JPEG, b"x" * (65_533 - 29))
    with pytest.raises(BadJpeg, match="does not fit"):
        jpeg_segments.with_xmp(JPEG, b"x" * (65_533 - 28))


def test_further_xmp_is_noticed() -> None:
    body = jpeg_segments.EXTENDED_MARK + bytes(50)
    more = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    assert jpeg_segments.has_extended_xmp(JPEG[:2] + more + JPEG[2:])
    assert not jpeg_segments.has_extended_xmp(JPEG)
