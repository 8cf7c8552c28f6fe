from __future__ import annotations

import errno
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from image_files import EXIF_TURNED, noise_u8, saved, tiff
from numpy.typing import NDArray
from PIL import Image, ImageOps

from scalediff_engine.base.errors import (
    InputError,
    InputMissing,
    PictureTooLarge,
    UnreadablePicture,
)
from scalediff_engine.base.geometry import Size
from scalediff_engine.images import exif
from scalediff_engine.images.picture import ColourModel, Depth
from scalediff_engine.images.reader import load, probe, read

RGB, RGBA, GREY = noise_u8(13, 17, 3), noise_u8(13, 17, 4), noise_u8(13, 17, 1)
IMAGE = Image.fromarray(RGB)


def _file(folder: Path, data: bytes, name: str = "picture.bin") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _expect(path: Path, samples: NDArray[Any], top: int) -> None:
    """The file reads as these samples (alpha last if there are 2 or 4 channels)."""
    found, header = read(path), probe(path)
    samples = samples.reshape(*samples.shape[:2], -1)
    colours = samples.shape[2] - (samples.shape[2] in (2, 4))
    np.testing.assert_array_equal(np.rint(found.pixels * top), samples[..., :colours])
    assert (found.alpha is not None) == (colours < samples.shape[2])
    if found.alpha is not None:
        np.testing.assert_array_equal(np.rint(found.alpha * top), samples[..., colours])
    assert found.depth is (Depth.U8 if top == 255 else Depth.U16)
    assert (header.size, header.depth, header.model) == (found.size, found.depth, found.model)
    assert header.has_alpha == (found.alpha is not None)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_of_every_layout_and_depth(tmp_path: Path, channels: int, dtype: type) -> None:
    top = int(np.iinfo(dtype).max)
    samples = np.random.default_rng(0).integers(0, top, (13, 17, channels)).astype(dtype)
    encoded = imagecodecs.png_encode(samples[..., 0] if channels == 1 else samples)
    _expect(_file(tmp_path, bytes(encoded)), samples, top)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TGA", "PPM", "TIFF", "QOI", "SGI", "PCX"])
def test_lossless_formats_written_by_pillow(tmp_path: Path, form: str) -> None:
    _expect(_file(tmp_path, saved(IMAGE, form)), RGB, 255)


@pytest.mark.parametrize("form", ["PNG", "TGA", "TIFF"])
def test_transparency_written_by_pillow(tmp_path: Path, form: str) -> None:
    _expect(_file(tmp_path, saved(Image.fromarray(RGBA), form)), RGBA, 255)


def test_lossless_webp_keeps_colours_under_transparency(tmp_path: Path) -> None:
    data = saved(Image.fromarray(RGBA), "WEBP", lossless=True, exact=True)
    _expect(_file(tmp_path, data), RGBA, 255)


def test_a_palette_becomes_rgb_and_its_transparent_entry_alpha(tmp_path: Path) -> None:
    palette = IMAGE.quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    _expect(_file(tmp_path, saved(palette, "PNG")), expected, 255)
    for form in ("PNG", "GIF"):
        path = _file(tmp_path, saved(palette, form, transparency=3))
        index = np.asarray(palette)
        found = read(path)
        assert found.alpha is not None
        np.testing.assert_array_equal(found.alpha == 0, index == 3)
        np.testing.assert_array_equal(np.rint(found.pixels * 255)[index != 3], expected[index != 3])


def test_a_transparent_grey_or_colour_of_png_becomes_alpha(tmp_path: Path) -> None:
    grey = read(_file(tmp_path, saved(Image.fromarray(GREY), "PNG", transparency=int(GREY[3, 3]))))
    assert grey.model is ColourModel.GREY
    assert grey.alpha is not None
    np.testing.assert_array_equal(grey.alpha == 0, GREY[3, 3] == GREY)
    key = tuple(int(v) for v in RGB[2, 2])
    colour = read(_file(tmp_path, saved(IMAGE, "PNG", transparency=key)))
    assert colour.alpha is not None
    assert colour.alpha[2, 2] == 0
    assert colour.alpha.mean() > 0.9


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = Image.fromarray(GREY).convert("1")
    for form in ("PNG", "TIFF", "BMP"):
        found = read(_file(tmp_path, saved(bits, form)))
        np.testing.assert_array_equal(found.pixels[..., 0], np.asarray(bits).astype(float))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_of_every_colour_model(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (16, 8), {"L": 200, "RGB": (200, 100, 50)}.get(mode, (200, 100, 50, 9)))
    path = _file(tmp_path, saved(image, "JPEG", quality=98, subsampling=0))
    found = read(path)
    assert found.model is probe(path).model is ColourModel[{"L": "GREY"}.get(mode, mode)]
    np.testing.assert_allclose(found.pixels[4, 4] * 255, np.asarray(image)[4, 4], atol=2)


def test_cmyk_without_adobes_marker_is_not_inverted(tmp_path: Path) -> None:
    image = Image.new("CMYK", (16, 8), (200, 100, 50, 9))
    data = saved(image, "JPEG", quality=98, subsampling=0)
    marker = data.index(b"\xff\xee")
    plain = data[:marker] + data[marker + 16 :]
    found = read(_file(tmp_path, plain))
    np.testing.assert_allclose(255 - found.pixels[4, 4] * 255, (200, 100, 50, 9), atol=2)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientation_is_applied_and_set_to_1(tmp_path: Path, form: str, value: int) -> None:
    image = IMAGE.resize((64, 32), Image.Resampling.NEAREST)
    block = Image.Exif()
    block[0x0112] = value
    path = _file(tmp_path, saved(image, form, exif=block, dpi=(100, 50)))
    theirs = ImageOps.exif_transpose(Image.open(path))
    assert theirs is not None
    found = read(path)
    assert found.size == probe(path).size == Size(*theirs.size)
    np.testing.assert_array_equal(np.rint(found.pixels * 255), np.asarray(theirs.convert("RGB")))
    assert exif.orientation(found.metadata.exif) is exif.Orientation.UPRIGHT
    if form != "WEBP":
        assert found.metadata.dpi == pytest.approx((50, 100) if value > 4 else (100, 50), abs=0.1)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_profile_and_metadata_are_kept(tmp_path: Path, form: str) -> None:
    icc = bytes(imagecodecs.cms_profile("adobergb"))
    block = Image.Exif()
    block[0x010F] = "A maker"
    options: dict[str, Any] = {"icc_profile": icc, "exif": block, "dpi": (300, 300)}
    if form in ("JPEG", "WEBP"):
        options["xmp"] = b"<x/>"
    found = read(_file(tmp_path, saved(IMAGE, form, **options)))
    assert found.icc == icc == probe(tmp_path / "picture.bin").icc
    read_back = Image.Exif()
    read_back.load(b"Exif\0\0" + (found.metadata.exif or b""))
    assert read_back[0x010F] == "A maker"
    if form != "WEBP":
        assert found.metadata.dpi == pytest.approx((300, 300), abs=0.01)
    if "xmp" in options:
        assert found.metadata.xmp == b"<x/>"


def test_what_is_left_behind_is_told(tmp_path: Path) -> None:
    more = [IMAGE.rotate(90 * i) for i in (1, 2)]
    animation = saved(IMAGE, "WEBP", save_all=True, append_images=more, lossless=True)
    assert "3 frames" in load(_file(tmp_path, animation)).notes[0]
    apng = saved(IMAGE, "PNG", save_all=True, append_images=more)
    assert "animation" in load(_file(tmp_path, apng)).notes[0]
    pages = saved(IMAGE, "TIFF", save_all=True, append_images=more)
    assert "3 pages" in load(_file(tmp_path, pages)).notes[0]
    assert "3 pages" in probe(tmp_path / "picture.bin").notes[0]
    assert load(_file(tmp_path, saved(IMAGE, "PNG"))).notes == ()


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    assert load(_file(tmp_path, saved(IMAGE, "PNG"), "a.jpg")).format_name == "PNG"


def test_a_missing_file_and_a_folder_are_missing_inputs(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path, _file(tmp_path, b"x") / "below.png"):
        with pytest.raises(InputMissing):
            read(path)
        with pytest.raises(InputMissing):
            probe(path)


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"This is a text and no picture.\n" * 40, b"<svg/>", bytes(5000)]
)
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    path = _file(tmp_path, data, "text.png")
    for look in (read, probe):
        with pytest.raises(UnreadablePicture) as caught:
            look(path)
        assert str(caught.value).count("\n") == 0
        assert "text.png" in str(caught.value)


def _bomb_png(side: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(9)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    path = _file(tmp_path, _bomb_png(50_000))
    for look in (read, probe):
        with pytest.raises(PictureTooLarge, match="50000x50000, 2500 million pixels; the limit is"):
            look(path)
    sound = tiff(RGB, photometric="rgb")
    at = sound.index(struct.pack("<HH", 256, 4))  # ImageWidth
    tiny = sound[:at] + struct.pack("<HHII", 256, 4, 1, 2**31 - 1) + sound[at + 12 :]
    with pytest.raises(PictureTooLarge):
        read(_file(tmp_path, tiny))


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match="bytes of pixels cannot be 15000x15000"):
        read(_file(tmp_path, _bomb_png(15_000)))


def test_the_limit_can_be_chosen(tmp_path: Path) -> None:
    path = _file(tmp_path, saved(IMAGE, "PNG"))
    assert read(path, max_pixels=13 * 17).size == Size(17, 13)
    with pytest.raises(PictureTooLarge):
        read(path, max_pixels=13 * 17 - 1)


def test_a_file_without_permission_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, saved(IMAGE, "PNG"))

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InputError, match="permission denied"):
        read(path)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="not a regular file"):
        read(tmp_path / "pipe.png")


def test_a_turned_picture_without_other_metadata(tmp_path: Path) -> None:
    path = _file(tmp_path, saved(IMAGE, "PNG", exif=EXIF_TURNED))
    assert probe(path).size == Size(13, 17)
    np.testing.assert_array_equal(np.rint(read(path).pixels * 255), np.rot90(RGB, -1))


def test_alpha_that_is_no_number_becomes_transparent_and_is_told(tmp_path: Path) -> None:
    samples = np.full((4, 5, 4), 0.5, np.float32)
    samples[1, 2, 3] = np.nan
    data = tiff(samples, photometric="rgb", extrasamples=["unassalpha"])
    loaded = load(_file(tmp_path, data))
    assert loaded.picture.alpha is not None
    assert loaded.picture.alpha[1, 2] == 0
    assert np.isfinite(loaded.picture.alpha).all()
    assert "1 samples" in loaded.notes[0]


def test_a_portable_float_map_has_finite_numbers_only(tmp_path: Path) -> None:
    samples = np.full((3, 4), 0.25, "<f4")
    samples[0, 0], samples[1, 1] = np.nan, np.inf
    loaded = load(_file(tmp_path, b"Pf\n4 3\n-1.0\n" + samples.tobytes()))
    assert sorted(loaded.picture.pixels.ravel()) == [0.0] * 2 + [0.25] * 10
    assert "2 samples" in loaded.notes[0]


def test_values_that_no_model_sees_are_told(tmp_path: Path) -> None:
    counts = np.arange(0, 240, 2, dtype=np.float32).reshape(10, 12)
    notes = load(_file(tmp_path, tiff(counts, photometric="minisblack"))).notes
    assert "99% of its values lie outside 0..1 (0 to 238)" in notes[0]
    assert load(_file(tmp_path, tiff(counts / 238, photometric="minisblack"))).notes == ()


def test_a_profile_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    path = _file(tmp_path, saved(IMAGE, "PNG", icc_profile=b"no profile at all" * 20))
    assert any("profile is damaged" in note for note in load(path).notes)


def test_a_profile_that_cannot_be_used_is_told_and_does_not_go_on(tmp_path: Path) -> None:
    path = _file(tmp_path, saved(IMAGE, "PNG", icc_profile=b"not a profile" * 20))
    found = load(path)
    assert found.picture.icc is None
    assert any("profile" in note for note in found.notes)
    sound = bytes(imagecodecs.cms_profile("adobergb"))
    assert read(_file(tmp_path, saved(IMAGE, "PNG", icc_profile=sound))).icc == sound
