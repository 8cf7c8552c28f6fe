from __future__ import annotations

import io

import pytest
from image_files import XMP, noise_u8, saved
from PIL import Image

from scalediff_engine.images import png
from scalediff_engine.images.picture import Metadata, Text
from scalediff_engine.images.png import BadPng, Chunk, chunks, with_metadata

PNG = saved(Image.fromarray(noise_u8(9, 8, 3)), "PNG")


def test_chunks_come_in_order_and_encode_to_the_same_file() -> None:
    found = list(chunks(io.BytesIO(PNG)))
    assert [chunk.name for chunk in found] == [b"IHDR", b"IDAT", b"IEND"]
    assert png.SIGNATURE + b"".join(chunk.encoded() for chunk in found) == PNG


def test_pixels_are_skipped_when_only_the_rest_is_wanted() -> None:
    assert all(not c.body for c in chunks(io.BytesIO(PNG), with_pixels=False) if c.name == b"IDAT")


@pytest.mark.parametrize("missing", [13, 16, 100])
def test_a_file_that_ends_early_is_refused(missing: int) -> None:
    with pytest.raises(BadPng, match="it ends after"):
        list(chunks(io.BytesIO(PNG[:-missing])))


def test_a_damaged_chunk_matters_only_if_the_pixels_need_it() -> None:
    text = Chunk(b"tEXt", b"Title\0x").encoded()
    damaged = text[:-1] + bytes([text[-1] ^ 1])
    assert len(list(chunks(io.BytesIO(PNG[:33] + damaged + PNG[33:])))) == 3
    with pytest.raises(BadPng, match="IDAT chunk has a wrong checksum"):
        list(chunks(io.BytesIO(PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:])))


def test_another_reader_finds_what_was_put_in() -> None:
    metadata = Metadata(exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=XMP, dpi=(300.0, 150.0))
    image = Image.open(io.BytesIO(with_metadata(PNG, b"a profile" * 9, metadata)))
    assert image.info["icc_profile"] == b"a profile" * 9
    assert image.info["exif"].removeprefix(b"Exif\0\0") == metadata.exif
    assert image.info["xmp"] == XMP
    assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)


def test_compressed_and_foreign_texts_are_told_apart() -> None:
    import zlib

    packed = b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(XMP)
    assert png.xmp_of(packed) == XMP
    assert png.xmp_of(b"Comment\0\0\0\0\0hello") is None
    assert png.xmp_of(b"XML:com.adobe.xmp\0\x01\0\0\0junk") is None


def test_a_resolution_without_a_unit_is_none() -> None:
    assert png.dpi_of(b"\0\0\0\x01\0\0\0\x01\0") is None


def test_a_header_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadPng, match="16 bits of colour type 3"):
        png.header(b"\0\0\0\x01\0\0\0\x01\x10\x03\0\0\0")


@pytest.mark.parametrize("missing", [1, 4, 12])
def test_a_file_without_its_end_has_its_other_chunks(missing: int) -> None:
    found = list(chunks(io.BytesIO(PNG[:-missing])))
    assert [chunk.name for chunk in found] == [b"IHDR", b"IDAT"]


TEXTS = (
    Text("parameters", "a cat, Steps: 20, Seed: 7"),
    Text("Title", "Café"),
    Text("Comment", "日本語", "ja", "コメント"),
    Text("Description", "long " * 1000),
    Text("Source", "長い" * 1000),
    Text("Disclaimer", ""),
)


@pytest.mark.parametrize("text", TEXTS)
def test_texts_come_back_as_they_were(text: Text) -> None:
    assert png.text_of(png.text_chunk(text)) == text


def test_another_reader_finds_the_texts() -> None:
    image = Image.open(io.BytesIO(with_metadata(PNG, None, Metadata(texts=TEXTS))))
    assert dict(image.text) == {text.keyword: text.text for text in TEXTS}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [b"Title", b"\0no keyword", b"x" * 80 + b"\0text", b"Title\0\0no deflate stream"],
)
def test_damaged_texts_are_none(body: bytes) -> None:
    assert png.text_of(Chunk(b"zTXt", body)) is None
