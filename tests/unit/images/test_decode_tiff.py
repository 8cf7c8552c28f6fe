from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from image_files import noise_u8, tiff

from scalediff_engine.base.errors import UnreadablePicture
from scalediff_engine.images.picture import ColourModel, Depth, Picture
from scalediff_engine.images.reader import load, probe, read

RGB, RGBA = noise_u8(20, 31, 3), noise_u8(20, 31, 4)


def _read(folder: Path, data: bytes) -> Picture:
    path = folder / "a.tif"
    path.write_bytes(data)
    found, header = read(path), probe(path)
    assert (found.size, found.depth, found.model) == (header.size, header.depth, header.model)
    assert (found.alpha is not None) == header.has_alpha
    return found


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits", "zstd", "lerc"])
@pytest.mark.parametrize("layout", [{"rowsperstrip": 7}, {"tile": (16, 16)}])
def test_strips_and_tiles_of_every_compression(
    tmp_path: Path, compression: str | None, layout: dict[str, Any]
) -> None:
    found = _read(tmp_path, tiff(RGB, photometric="rgb", compression=compression, **layout))
    np.testing.assert_array_equal(np.rint(found.pixels * 255), RGB)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("dtype", "depth"),
    [("u1", Depth.U8), ("u2", Depth.U16), ("f2", Depth.F16), ("f4", Depth.F32)],
)
def test_depths_in_both_byte_orders_and_in_planes(
    tmp_path: Path, order: str, dtype: str, depth: Depth
) -> None:
    samples = (RGB.astype(np.float32) * (1 if dtype[0] == "u" else 0.25)).astype(dtype)
    planes = np.moveaxis(samples, 2, 0)
    for data in (
        tiff(samples, photometric="rgb", byteorder=order),
        tiff(planes, photometric="rgb", byteorder=order, planarconfig="separate", tile=(16, 16)),
    ):
        found = _read(tmp_path, data)
        top = {"u1": 255, "u2": 65535}.get(dtype, 1)
        assert found.depth is depth
        np.testing.assert_array_equal((found.pixels * top).round(4), samples.astype(np.float32))


def test_bigtiff_is_read(tmp_path: Path) -> None:
    found = _read(tmp_path, tiff(RGB, photometric="rgb", bigtiff=True))
    np.testing.assert_array_equal(np.rint(found.pixels * 255), RGB)


@pytest.mark.parametrize(
    ("dtype", "depth"),
    [
        (np.uint32, Depth.F32),
        (np.int32, Depth.F32),
        (np.float64, Depth.F32),
        (np.int16, Depth.U16),
        (np.int8, Depth.U8),
    ],
)
def test_types_that_are_not_written_are_told_to_change(
    tmp_path: Path, dtype: type, depth: Depth
) -> None:
    samples = (RGB[..., 0] // 2).astype(dtype)
    (tmp_path / "a.tif").write_bytes(tiff(samples, photometric="minisblack"))
    found = load(tmp_path / "a.tif")
    assert found.picture.depth is depth
    assert found.picture.model is ColourModel.GREY
    assert any("became" in note for note in found.notes)


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.int16])
def test_measurements_in_a_small_part_of_their_type_fill_the_range(
    tmp_path: Path, dtype: type
) -> None:
    samples = np.arange(100, 300).reshape(10, 20).astype(dtype)
    (tmp_path / "a.tif").write_bytes(tiff(samples, photometric="minisblack"))
    found = load(tmp_path / "a.tif")
    np.testing.assert_allclose(found.picture.pixels[..., 0], (samples - 100.0) / 199, atol=1e-6)
    assert any("black is 100, white 299" in note for note in found.notes)


def test_integers_that_use_their_whole_type_keep_their_exposure(tmp_path: Path) -> None:
    samples = np.array([[0x10000000, 0xE0000000]], np.uint32).repeat(3, 0)
    found = _read(tmp_path, tiff(samples, photometric="minisblack"))
    np.testing.assert_allclose(found.pixels[0, :, 0], (0.0625, 0.875), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
def test_types_that_are_written_as_they_are_need_no_note(tmp_path: Path, dtype: type) -> None:
    samples = (RGB[..., 0] / 255).astype(dtype)
    (tmp_path / "a.tif").write_bytes(tiff(samples, photometric="minisblack"))
    assert load(tmp_path / "a.tif").notes == ()


def test_twelve_bit_samples_fill_the_range(tmp_path: Path) -> None:
    samples = np.full((4, 8), 4095, np.uint16)
    found = _read(tmp_path, tiff(samples, photometric="minisblack", bitspersample=12))
    assert found.depth is Depth.U16
    np.testing.assert_array_equal(found.pixels, 1.0)


def test_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    found = _read(tmp_path, tiff(RGB[..., 0], photometric="miniswhite"))
    np.testing.assert_array_equal(np.rint(255 - found.pixels[..., 0] * 255), RGB[..., 0])


def test_a_palette_becomes_rgb(tmp_path: Path) -> None:
    palette = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    for scale, depth in ((257, Depth.U8), (256, Depth.U8), (1, Depth.U8)):
        data = tiff(RGB[..., 0], photometric="palette", colormap=palette * np.uint16(scale))
        found = _read(tmp_path, data)
        assert found.depth is depth
        np.testing.assert_array_equal(np.rint(found.pixels * 255), palette.T[RGB[..., 0]])


def test_unassociated_alpha_is_read_as_it_is(tmp_path: Path) -> None:
    found = _read(tmp_path, tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"]))
    assert found.alpha is not None
    np.testing.assert_array_equal(np.rint(found.alpha * 255), RGBA[..., 3])
    np.testing.assert_array_equal(np.rint(found.pixels * 255), RGBA[..., :3])


def test_associated_alpha_is_divided_out(tmp_path: Path) -> None:
    colour = np.full((4, 4, 3), 0.5, np.float32)
    alpha = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4, 1)
    samples = np.concatenate([colour * alpha, alpha], 2)
    found = _read(tmp_path, tiff(samples, photometric="rgb", extrasamples=["assocalpha"]))
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, alpha[..., 0])
    np.testing.assert_allclose(found.pixels[alpha[..., 0] > 0], 0.5, rtol=1e-6)
    np.testing.assert_array_equal(found.pixels[0, 0], 0)


def test_a_channel_of_unknown_meaning_is_left_out_and_told(tmp_path: Path) -> None:
    data = tiff(RGBA, photometric="rgb", extrasamples=["unspecified"])
    assert _read(tmp_path, data).alpha is None
    assert "1 extra channel" in load(tmp_path / "a.tif").notes[0]


def test_cmyk_with_alpha(tmp_path: Path) -> None:
    samples = noise_u8(9, 8, 5)
    found = _read(tmp_path, tiff(samples, photometric="separated", extrasamples=["unassalpha"]))
    assert found.model is ColourModel.CMYK
    np.testing.assert_array_equal(np.rint(found.pixels * 255), samples[..., :4])


def test_values_that_are_no_numbers_become_0_and_are_told(tmp_path: Path) -> None:
    samples = np.array([[0.5, np.nan], [np.inf, 3.0]], np.float32)
    found = _read(tmp_path, tiff(samples, photometric="minisblack"))
    assert found.pixels[..., 0].tolist() == [[0.5, 0.0], [0.0, 3.0]]
    assert "2 samples" in load(tmp_path / "a.tif").notes[0]


def test_jpeg_compressed_colours_are_close(tmp_path: Path) -> None:
    flat = np.full((32, 32, 3), (200, 100, 50), np.uint8)
    found = _read(tmp_path, tiff(flat, photometric="rgb", compression="jpeg"))
    np.testing.assert_allclose(found.pixels[5, 5] * 255, (200, 100, 50), atol=3)


def test_resolution_in_centimetres_becomes_inches(tmp_path: Path) -> None:
    data = tiff(RGB, photometric="rgb", resolution=(100, 50), resolutionunit="centimeter")
    assert _read(tmp_path, data).metadata.dpi == pytest.approx((254, 127))
    data = tiff(RGB, photometric="rgb", resolution=(1, 1), resolutionunit="none")
    assert _read(tmp_path, data).metadata.dpi is None


@pytest.mark.parametrize(("photometric", "name"), [(10, "ITULab"), (32803, "camera")])
def test_colours_that_are_not_read_are_named_and_not_called_damaged(
    tmp_path: Path, photometric: int, name: str
) -> None:
    data = tiff(RGB, photometric="rgb")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at = file.pages[0].tags[262].valueoffset
    data = data[:at] + photometric.to_bytes(2, "little") + data[at + 2 :]
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(UnreadablePicture, match=name) as refusal:
        read(tmp_path / "a.tif")
    assert "damaged" not in str(refusal.value)


def test_the_full_picture_is_read_and_not_the_thumbnail_before_it(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(RGB[:4, :5], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(RGB, photometric="rgb", metadata=None, software="the full one")
    (tmp_path / "a.tif").write_bytes(file.getvalue())
    found = load(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.rint(found.picture.pixels * 255), RGB)
    assert found.notes == ()
    assert b"the full one" in (found.picture.metadata.exif or b"")
    assert probe(tmp_path / "a.tif").size == found.picture.size


def test_a_file_of_thumbnails_alone_is_read_all_the_same(tmp_path: Path) -> None:
    found = _read(tmp_path, tiff(RGB, photometric="rgb", subfiletype=1))
    np.testing.assert_array_equal(np.rint(found.pixels * 255), RGB)


@pytest.mark.parametrize("photometric", ["cielab", "icclab"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("white", ["D50", "D65"])
def test_cielab_becomes_srgb_with_a_note(
    tmp_path: Path, photometric: str, dtype: type, white: str
) -> None:
    red = (54.29, 80.81, 69.89) if white == "D50" else (53.24, 80.09, 67.20)
    lab = np.empty((6, 9, 3))
    lab[:3], lab[3:] = red, (100, 0, 0)
    unit = 1 if dtype is np.uint8 else 256
    stored = np.rint(lab * unit)
    stored[..., 0] = lab[..., 0] / 100 * (255 * unit if photometric == "icclab" else unit * 256 - 1)
    stored[..., 1:] += 128 * unit if photometric == "icclab" else 0
    samples = stored.astype(np.int32).astype(dtype)  # two's complement
    tags = [(318, 5, 2, (3127, 10000, 3290, 10000), True)] if white == "D65" else []
    found = _read(tmp_path, tiff(samples, photometric=photometric, extratags=tags))
    np.testing.assert_allclose(found.pixels[0, 0], (1, 0, 0), atol=0.07 if unit == 1 else 0.02)
    np.testing.assert_allclose(found.pixels[-1, -1], 1, atol=0.003)
    assert any("CIELab" in note for note in load(tmp_path / "a.tif").notes)


@pytest.mark.parametrize("subsampling", [1, 2])
def test_ycbcr_without_jpeg_compression_is_read(tmp_path: Path, subsampling: int) -> None:
    red = (81, 90, 240)  # Y, Cb, Cr
    unit = bytes(red[:1]) * subsampling**2 + bytes(red[1:])
    samples = unit * (8 // subsampling * 4 // subsampling)
    data = _tiff_of(
        samples, (8, 4), {262: 6, 277: 3, 530: (subsampling, subsampling)}, bits=(8, 8, 8)
    )
    (tmp_path / "a.tif").write_bytes(data)
    found = load(tmp_path / "a.tif")
    assert found.picture.pixels.shape == (4, 8, 3)
    np.testing.assert_allclose(
        found.picture.pixels, np.broadcast_to((0.93, 0, 0), (4, 8, 3)), atol=0.1
    )


@pytest.mark.parametrize("orientation", [1, 3, 4, 6])
def test_what_libtiff_reads_is_turned_upright_once(tmp_path: Path, orientation: int) -> None:
    rows = bytes((200, 128, 128)) * 8 + bytes((30, 128, 128)) * 24  # the first is bright
    tags: dict[int, int | tuple[int, int]] = {262: 6, 274: orientation, 277: 3, 530: (1, 1)}
    (tmp_path / "a.tif").write_bytes(_tiff_of(rows, (8, 4), tags, bits=(8, 8, 8)))
    found = read(tmp_path / "a.tif").pixels[..., 0]
    bright = {1: found[0], 3: found[-1], 4: found[-1], 6: found[:, -1]}[orientation]
    assert found.shape == ((8, 4) if orientation == 6 else (4, 8))
    assert bright.min() > 0.7
    assert (found > 0.7).sum() == 8


def test_logluv_is_read_and_told_to_lose_its_highlights(tmp_path: Path) -> None:
    width, height = 8, 4
    mid_grey = (0x3F, 0x00, 0x51, 0xC1)  # sign and log luminance, u', v' of white
    row = b"".join(bytes([width]) + bytes([plane]) * width for plane in mid_grey)
    data = _tiff_of(row * height, (width, height), {259: 34676, 262: 32845, 277: 3}, bits=(16,) * 3)
    (tmp_path / "a.tif").write_bytes(data)
    found = load(tmp_path / "a.tif")
    assert 0.2 < found.picture.pixels.mean() < 0.95
    assert any("LogLuv" in note for note in found.notes)


def _tiff_of(
    samples: bytes,
    size: tuple[int, int],
    tags: dict[int, int | tuple[int, int]],
    bits: tuple[int, ...],
) -> bytes:
    """A file of one strip that tifffile does not write."""
    every: dict[int, int | tuple[int, ...]] = {
        256: size[0],
        257: size[1],
        259: 1,
        273: 8,
        278: size[1],
        279: len(samples),
        284: 1,
        **tags,
    }
    bits_at = 8 + len(samples)
    directory_at = bits_at + 2 * len(bits)
    entries = struct.pack("<HHII", 258, 3, len(bits), bits_at)
    rows = {258: entries}
    for tag, value in every.items():
        values = value if isinstance(value, tuple) else (value,)
        kind, code = (3, "H") if len(values) > 1 or tag not in (273, 279) else (4, "I")
        field = struct.pack(f"<{len(values)}{code}", *values).ljust(4, b"\0")
        rows[tag] = struct.pack("<HHI", tag, kind, len(values)) + field
    body = b"".join(rows[tag] for tag in sorted(rows))
    head = b"II*\0" + struct.pack("<I", directory_at)
    packed_bits = struct.pack(f"<{len(bits)}H", *bits)
    return head + samples + packed_bits + struct.pack("<H", len(rows)) + body + bytes(4)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, compression: str | None, kept: float) -> None:
    data = tiff(RGB, photometric="rgb", compression=compression, rowsperstrip=5)
    (tmp_path / "a.tif").write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(UnreadablePicture):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("layout", [{"rowsperstrip": 5}, {"tile": (16, 16)}])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_file_with_fewer_parts_than_its_size_needs_is_refused(
    tmp_path: Path, layout: dict[str, Any], compression: str | None
) -> None:
    data = tiff(RGB, photometric="rgb", compression=compression, **layout)
    at = data.index(struct.pack("<HH", 257, 4))  # ImageLength
    longer = data[:at] + struct.pack("<HHII", 257, 4, 1, 90) + data[at + 12 :]
    (tmp_path / "a.tif").write_bytes(longer)
    with pytest.raises(UnreadablePicture):
        read(tmp_path / "a.tif")


def test_a_strip_that_was_never_written_is_refused(tmp_path: Path) -> None:
    data = tiff(RGB, photometric="rgb")
    counts = struct.pack("<HHII", 279, 4, 1, RGB.nbytes)
    assert counts in data
    (tmp_path / "a.tif").write_bytes(data.replace(counts, struct.pack("<HHII", 279, 4, 1, 0)))
    with pytest.raises(UnreadablePicture):
        read(tmp_path / "a.tif")
