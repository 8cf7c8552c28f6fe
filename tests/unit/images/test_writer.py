from __future__ import annotations

import errno
import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import (
    THUMBNAIL,
    XMP,
    XMP_WITH_THUMBNAIL,
    cmyk_profile,
    exif_with_thumbnail,
    picture,
    same_pixels,
)
from PIL import Image
from PIL.ExifTags import IFD

from scalediff_engine.base.errors import DiskFull, OutputError, OutputExists, UsageError
from scalediff_engine.images.colour import to_srgb
from scalediff_engine.images.formats import Format
from scalediff_engine.images.picture import ColourChunk, Depth, Metadata, Picture, Text
from scalediff_engine.images.reader import read
from scalediff_engine.images.recipe import read_recipe
from scalediff_engine.images.writer import encode_picture, write

ADOBE = bytes(imagecodecs.cms_profile("adobergb"))
U8_U16 = (Depth.U8, Depth.U16)


def _exif() -> bytes:
    block = Image.Exif()
    block[0x010F] = "A maker"
    block.get_ifd(0x8769)[0x829A] = 0.5
    block.get_ifd(0x8769)[0xA002] = 5
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("depth", U8_U16)
def test_png_keeps_every_bit(tmp_path: Path, depth: Depth, channels: int, alpha: bool) -> None:
    source = picture(channels, depth, alpha=alpha)
    assert write(source, tmp_path / "a.png") == ()
    found = read(tmp_path / "a.png")
    assert same_pixels(found, source)
    assert found.depth is depth


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("depth", Depth)
def test_tiff_keeps_every_bit(tmp_path: Path, depth: Depth, channels: int, alpha: bool) -> None:
    source = picture(channels, depth, alpha=alpha)
    assert write(source, tmp_path / "a.tif") == ()
    found = read(tmp_path / "a.tif")
    assert same_pixels(found, source)
    assert (found.depth, found.model) == (source.depth, source.model)


@pytest.mark.parametrize("alpha", [False, True])
def test_webp_keeps_every_bit(tmp_path: Path, alpha: bool) -> None:
    source = picture(3, alpha=alpha)
    if source.alpha is not None:
        source.alpha[:5] = 0.0  # colours under full transparency count too
    assert write(source, tmp_path / "a.webp") == ()
    assert same_pixels(read(tmp_path / "a.webp"), source)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from([1, 3]),
    st.sampled_from(U8_U16),
    st.booleans(),
    st.sampled_from([".png", ".tif"]),
)
def test_any_size_survives(
    tmp_path_factory: pytest.TempPathFactory,
    width: int,
    height: int,
    channels: int,
    depth: Depth,
    alpha: bool,
    extension: str,
) -> None:
    source = picture(channels, depth, alpha=alpha, width=width, height=height)
    path = tmp_path_factory.mktemp("sizes") / f"a{extension}"
    write(source, path)
    assert same_pixels(read(path), source)


def test_pillow_reads_what_we_write(tmp_path: Path) -> None:
    source = picture(3, alpha=True)
    for name in ("a.png", "a.webp", "a.tif"):
        write(source, tmp_path / name)
        theirs = np.asarray(Image.open(tmp_path / name))
        np.testing.assert_array_equal(theirs[..., :3], np.rint(source.pixels * 255))
        assert source.alpha is not None
        np.testing.assert_array_equal(theirs[..., 3], np.rint(source.alpha * 255))


def test_libtiff_and_libpng_read_our_sixteen_bits(tmp_path: Path) -> None:
    source = picture(3, Depth.U16)
    expected = np.rint(source.pixels * 65535).astype(np.uint16)
    write(source, tmp_path / "a.png")
    write(source, tmp_path / "a.tif")
    np.testing.assert_array_equal(
        imagecodecs.png_decode((tmp_path / "a.png").read_bytes()), expected
    )
    np.testing.assert_array_equal(
        imagecodecs.tiff_decode((tmp_path / "a.tif").read_bytes()), expected
    )


def test_tiff_says_that_its_alpha_is_straight(tmp_path: Path) -> None:
    write(picture(3, alpha=True), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert [int(kind) for kind in file.pages[0].extrasamples] == [2]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.tif"])
def test_profile_and_metadata_survive(tmp_path: Path, name: str) -> None:
    metadata = Metadata(exif=_exif(), xmp=XMP, dpi=(300.0, 300.0))
    write(picture(3, icc=ADOBE, metadata=metadata), tmp_path / name)
    image = Image.open(io.BytesIO((tmp_path / name).read_bytes()))
    assert image.info["icc_profile"] == ADOBE
    block = image.getexif()
    assert block[0x010F] == "A maker"
    assert float(block.get_ifd(0x8769)[0x829A]) == 0.5
    assert block.get_ifd(0x8769)[0xA002] == 17, "the pixel width follows the picture"
    assert block.get_ifd(0x8825)[1] == "N"
    found = read(tmp_path / name).metadata
    assert found.xmp == XMP
    if not name.endswith(".webp"):
        assert found.dpi == pytest.approx((300, 300), abs=0.01)
    write(read(tmp_path / name), tmp_path / ("again" + name))
    assert read(tmp_path / ("again" + name)).metadata == found


def test_webp_keeps_the_resolution_in_its_exif(tmp_path: Path) -> None:
    write(picture(3, metadata=Metadata(dpi=(240.0, 240.0))), tmp_path / "a.webp")
    assert read(tmp_path / "a.webp").metadata.dpi == (240.0, 240.0)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_jpeg_of_every_colour_model_is_close(tmp_path: Path, channels: int) -> None:
    smooth = np.linspace(0.2, 0.8, 32 * 32 * channels, dtype=np.float32)
    source = Picture(np.sort(smooth.reshape(32, 32, channels), axis=0))
    assert write(source, tmp_path / "a.jpg", quality=98) == ()
    assert np.abs(read(tmp_path / "a.jpg").pixels - source.pixels).max() < 0.02


def test_quality_makes_jpeg_and_webp_smaller(tmp_path: Path) -> None:
    source = picture(3, width=80, height=80)
    for form in (Format.JPEG, Format.WEBP):
        default = len(encode_picture(source, form).data)
        assert len(encode_picture(source, form, quality=20).data) < default / 2
    with pytest.raises(UsageError, match="101"):
        write(source, tmp_path / "a.jpg", quality=101)


def test_jpeg_flattens_transparency_onto_white_and_tells(tmp_path: Path) -> None:
    black = np.zeros((16, 16, 3), np.float32)
    source = Picture(black, alpha=np.full((16, 16), 0.25, np.float32))
    notes = write(source, tmp_path / "a.jpg")
    assert notes == ("JPEG cannot hold transparency: it was flattened onto white.",)
    np.testing.assert_allclose(read(tmp_path / "a.jpg").pixels, 0.75, atol=0.01)
    opaque = replace(source, alpha=np.ones((16, 16), np.float32))
    assert write(opaque, tmp_path / "b.jpg") == ()


def test_cmyk_is_flattened_onto_paper_and_not_onto_ink(tmp_path: Path) -> None:
    inks = np.full((16, 16, 4), 0.8, np.float32)
    source = Picture(inks, alpha=np.zeros((16, 16), np.float32))
    write(source, tmp_path / "a.jpg")
    np.testing.assert_allclose(read(tmp_path / "a.jpg").pixels, 0, atol=0.01)


@pytest.mark.parametrize("icc", [None, cmyk_profile()])
@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_cmyk_becomes_srgb_where_it_cannot_stay(
    tmp_path: Path, name: str, icc: bytes | None
) -> None:
    source = picture(4, icc=icc)
    notes = write(source, tmp_path / name)
    assert "cannot hold CMYK" in notes[0]
    found = read(tmp_path / name)
    assert found.icc is None
    np.testing.assert_allclose(found.pixels, to_srgb(source), atol=0.51 / 255)


def test_a_lost_depth_is_told_and_dithered(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0.5, 0.51, 256, dtype=np.float32), (256, 1))
    source = Picture(np.repeat(ramp[..., None], 3, 2), depth=Depth.U16)
    notes = write(source, tmp_path / "a.webp")
    assert notes == ("WEBP cannot hold 16-bit samples: they were reduced to 8-bit.",)
    blurred = (read(tmp_path / "a.webp").pixels - source.pixels).mean((0, 2)).reshape(-1, 32)
    assert np.abs(blurred.mean(1)).max() < 2e-4


def test_floats_become_sixteen_bits_in_png(tmp_path: Path) -> None:
    source = Picture(np.linspace(0, 1, 48, dtype=np.float32).reshape(4, 4, 3), depth=Depth.F32)
    notes = write(source, tmp_path / "a.png")
    assert notes == ("PNG cannot hold 32-bit float samples: they were reduced to 16-bit.",)
    np.testing.assert_allclose(read(tmp_path / "a.png").pixels, source.pixels, atol=0.51 / 65535)
    bright = replace(source, pixels=source.pixels * 2)
    assert "clipped" in write(bright, tmp_path / "b.png")[1]


def test_grey_with_a_profile_becomes_rgb_in_webp(tmp_path: Path) -> None:
    source = picture(1, icc=bytes(imagecodecs.cms_profile("gray", gamma=2.2)))
    write(source, tmp_path / "a.webp")
    found = read(tmp_path / "a.webp")
    assert found.icc is None
    np.testing.assert_allclose(found.pixels, to_srgb(source), atol=0.51 / 255)


def test_an_existing_file_stays_unless_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"precious")
    with pytest.raises(OutputExists):
        write(picture(), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"precious"
    write(picture(), tmp_path / "a.png", overwrite=True)
    assert same_pixels(read(tmp_path / "a.png"), picture())


@pytest.mark.parametrize("name", ["a.gif", "a", "a.psd"])
def test_a_format_that_is_not_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"use one of \.png, \.webp, \.jpg, \.tif"):
        write(picture(), tmp_path / name)


def test_a_picture_too_large_for_its_format_is_refused(tmp_path: Path) -> None:
    wide = Picture(np.zeros((1, 16384, 3), np.float32))
    with pytest.raises(OutputError, match="at most 16383"):
        write(wide, tmp_path / "a.webp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.tif"])
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        write(picture(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_same_picture_gives_the_same_bytes() -> None:
    source = picture(3, Depth.U16, alpha=True, metadata=Metadata(exif=_exif(), xmp=XMP))
    for form in Format:
        assert encode_picture(source, form) == encode_picture(source, form)


def test_a_damaged_exif_block_does_not_stop_a_tiff(tmp_path: Path) -> None:
    broken: Any = b"not a block"
    notes = write(picture(metadata=Metadata(exif=broken)), tmp_path / "a.tif")
    assert notes == ("The EXIF block is damaged and was left out.",)
    assert same_pixels(read(tmp_path / "a.tif"), picture())


def test_an_exif_block_too_long_for_jpeg_is_told(tmp_path: Path) -> None:
    block = Image.Exif()
    block[0x010E] = "x" * 70_000
    exif = block.tobytes().removeprefix(b"Exif\0\0")
    notes = write(picture(metadata=Metadata(exif=exif)), tmp_path / "a.jpg")
    assert "EXIF block of 68 KiB does not fit into a JPEG" in notes[0]


TEXTS = (Text("parameters", "a cat, Steps: 20"), Text("Comment", "Café"), Text("Title", "x"))
RECORD = b"\x1c\x02\x78\x00\x07caption"


def test_png_keeps_texts_and_colour_chunks_beside_the_recipe(tmp_path: Path) -> None:
    chunks = (ColourChunk(b"gAMA", b"\0\0\xb1\x8f"), ColourChunk(b"cICP", b"\x0c\x0d\0\x01"))
    metadata = Metadata(texts=TEXTS, colour_chunks=chunks)
    path = tmp_path / "a.png"
    assert write(picture(3, metadata=metadata), path, recipe='{"seed": 1}') == ()
    found = read(path).metadata
    assert (found.texts, found.colour_chunks) == (TEXTS, chunks)
    assert read_recipe(path) == {"seed": 1}


@pytest.mark.parametrize(
    ("name", "kept", "lost"),
    [
        ("a.jpg", TEXTS[1:2], "(parameters, Title)"),
        ("a.tif", (), "Comment"),
        ("a.webp", (), "Title"),
    ],
)
def test_texts_that_a_format_cannot_hold_are_told(
    tmp_path: Path, name: str, kept: tuple[Text, ...], lost: str
) -> None:
    notes = write(picture(3, metadata=Metadata(texts=TEXTS)), tmp_path / name)
    assert [lost in note for note in notes] == [True]
    assert read(tmp_path / name).metadata.texts == kept


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png", "a.webp"])
def test_iptc_is_kept_or_told_to_be_lost(tmp_path: Path, name: str) -> None:
    notes = write(picture(3, metadata=Metadata(iptc=RECORD)), tmp_path / name)
    if name == "a.jpg":
        assert read(tmp_path / name).metadata.iptc == RECORD
    elif name == "a.tif":
        with tifffile.TiffFile(tmp_path / name) as file:
            assert file.pages[0].tags[33723].value == RECORD  # type: ignore[union-attr]
    assert any("IPTC" in note for note in notes) == (name in ("a.png", "a.webp"))


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.webp"])
def test_colour_chunks_are_told_to_be_lost_unless_they_say_srgb(tmp_path: Path, name: str) -> None:
    for body, is_told in ((b"\x0c\x0d\0\x01", True), (b"\x01\x0d\0\x01", False)):
        metadata = Metadata(colour_chunks=(ColourChunk(b"cICP", body),))
        notes = write(picture(3, metadata=metadata), tmp_path / name, overwrite=True)
        assert any("cICP" in note for note in notes) == is_told


def test_what_was_lossy_webp_stays_so_and_other_pictures_become_lossless(tmp_path: Path) -> None:
    plain, lossy = (picture(3, metadata=Metadata(is_lossy=is_lossy)) for is_lossy in (False, True))
    for source, path in ((plain, tmp_path / "a.webp"), (lossy, tmp_path / "b.webp")):
        write(source, path)
        assert read(path).metadata.is_lossy == source.metadata.is_lossy
        assert same_pixels(read(path), plain) == (source is plain)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.tif"])
def test_a_thumbnail_of_the_old_picture_does_not_go_on(tmp_path: Path, name: str) -> None:
    metadata = Metadata(exif=exif_with_thumbnail(), xmp=XMP_WITH_THUMBNAIL)
    write(picture(3, metadata=metadata), tmp_path / name)
    data = (tmp_path / name).read_bytes()
    assert THUMBNAIL not in data
    assert b"/9j/4AAQ" not in data
    block = Image.open(io.BytesIO(data)).getexif()
    assert block[0x010F] == "A maker"
    assert not dict(block.get_ifd(IFD.IFD1))
    assert read(tmp_path / name).metadata.xmp == XMP


def test_stripped_metadata_say_how_to_show_the_pixels_and_nothing_else() -> None:
    chunks = (ColourChunk(b"cICP", b"\x0c\x0d\0\x01"),)
    full = Metadata(_exif(), XMP, (300.0, 300.0), TEXTS, RECORD, chunks, is_lossy=True)
    assert full.stripped() == Metadata(colour_chunks=chunks, is_lossy=True)
