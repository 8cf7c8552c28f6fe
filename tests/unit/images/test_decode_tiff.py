from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import noise_u8, tiff

from scalediff_engine.errors import UnreadablePicture
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


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.float64])
def test_wider_samples_become_32_bit_float(tmp_path: Path, dtype: type) -> None:
    found = _read(tmp_path, tiff(RGB[..., 0].astype(dtype), photometric="minisblack"))
    assert found.depth is Depth.F32
    assert found.model is ColourModel.GREY


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


def test_colours_that_are_not_read_are_refused_in_one_sentence(tmp_path: Path) -> None:
    lab = tiff(RGB, photometric="cielab")
    (tmp_path / "a.tif").write_bytes(lab)
    with pytest.raises(UnreadablePicture, match=r"stored in a way that is not read \(8\)"):
        read(tmp_path / "a.tif")


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
