"""Samples of all kinds, as the screen shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.ui.picture import (
    NotWanted,
    build,
    make_picture,
    read_mapped,
    to_file,
    to_raster,
)

_DTYPES = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "f16": "<f2", "f32": "<f4", "f64": "<f8"}
RGB = np.array([[[200, 100, 50], [0, 128, 255]]], np.float64) / 255


def samples_of(values: np.ndarray, depth: str) -> np.ndarray:
    dtype = np.dtype(_DTYPES[depth])
    scaled = values if dtype.kind == "f" else np.round(values * float(np.iinfo(dtype).max))
    return scaled.astype(dtype).view(np.uint8).reshape(-1)


@pytest.mark.parametrize("depth", list(_DTYPES))
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_every_depth_and_order_shows_the_same(depth: str, order: str) -> None:
    values = RGB if order == "rgb" else RGB[..., ::-1]
    header = PixelHeader(2, 1, "rgb", depth, order=order)
    shown = to_raster(header, b"", samples_of(values, depth)).arrays[0]
    assert shown[..., :3] == pytest.approx(RGB[..., ::-1] * 255, abs=1)
    assert (shown[..., 3] == 255).all()


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
def test_alpha_is_multiplied_in(depth: str) -> None:
    values = np.array([[[1.0, 0.5, 0.0, 0.5]]])
    header = PixelHeader(1, 1, "rgb", depth, alpha="straight")
    shown = to_raster(header, b"", samples_of(values, depth))
    assert shown.has_alpha
    assert shown.arrays[0][0, 0] == pytest.approx([0, 64, 128, 128], abs=1)
    header = PixelHeader(1, 1, "rgb", depth, alpha="premultiplied")
    values = np.array([[[0.5, 0.25, 0.0, 0.5]]])
    shown = to_raster(header, b"", samples_of(values, depth))
    assert shown.arrays[0][0, 0] == pytest.approx([0, 64, 128, 128], abs=1)


@pytest.mark.parametrize("alpha", ["none", "straight"])
def test_grey_is_grey(alpha: str) -> None:
    values = np.array([[[0.5] if alpha == "none" else [0.5, 1.0]]])
    header = PixelHeader(1, 1, "grey", "u16", alpha=alpha)
    shown = to_raster(header, b"", samples_of(values, "u16")).arrays[0]
    assert shown[0, 0, :3] == pytest.approx([128] * 3, abs=1)


def test_inks_darken() -> None:
    header = PixelHeader(2, 1, "cmyk", "u8")
    samples = np.array([0, 0, 0, 0, 255, 0, 0, 0], np.uint8)
    shown = to_raster(header, b"", samples).arrays[0]
    assert shown[0, 0, :3].tolist() == [255, 255, 255]
    assert shown[0, 1, 2] < 60  # cyan has no red


def test_floats_that_are_no_numbers_do_no_harm() -> None:
    values = np.array([[[np.nan, np.inf, -np.inf], [2.0, -1.0, 0.5]]])
    shown = to_raster(PixelHeader(2, 1, "rgb", "f32"), b"", samples_of(values, "f32"))
    assert shown.arrays[0][0].tolist() == [[0, 255, 0, 255], [128, 0, 255, 255]]


def test_a_profile_is_turned_into_what_the_screen_has() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    header = PixelHeader(2, 1, "rgb", "u8", icc_bytes=len(icc))
    shown = to_raster(header, icc, samples_of(RGB, "u8")).arrays[0]
    assert shown[..., :3] == pytest.approx(RGB[..., ::-1] * 255, abs=2)


def test_a_profile_that_is_none_is_left_out() -> None:
    header = PixelHeader(2, 1, "rgb", "u8", icc_bytes=4)
    shown = to_raster(header, b"oops", samples_of(RGB, "u8")).arrays[0]
    assert shown[..., :3] == pytest.approx(RGB[..., ::-1] * 255, abs=1)


@pytest.mark.parametrize(("height", "width"), [(1000, 700), (1, 2000), (777, 1), (3, 3)])
def test_levels_are_halves_and_averages(height: int, width: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 4), np.uint8)
    raster = build(pixels, has_alpha=True)
    assert max(raster.arrays[-1].shape[:2]) <= 256
    for fine, coarse in zip(raster.arrays, raster.arrays[1:], strict=False):
        assert coarse.shape[:2] == ((fine.shape[0] + 1) // 2, (fine.shape[1] + 1) // 2)
        even = fine[: fine.shape[0] // 2 * 2, : fine.shape[1] // 2 * 2].astype(float)
        squares = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 4).mean((1, 3))
        cut = coarse[: squares.shape[0], : squares.shape[1]]
        assert np.abs(cut - squares).max(initial=0) <= 0.75


def test_the_level_is_as_small_as_it_may_be() -> None:
    raster = build(np.zeros((2048, 2048, 4), np.uint8), has_alpha=False)
    assert [raster.level_for(zoom) for zoom in (2, 1, 0.6, 0.5, 0.26, 0.25, 0.01)] == [
        0, 0, 0, 1, 1, 2, 3,
    ]  # fmt: skip


def test_a_file_of_the_spool_is_mapped(tmp_path: Path) -> None:
    header = PixelHeader(2, 1, "rgb", "u8", icc_bytes=3)
    file = tmp_path / "x.pixels"
    to_file(file, header, b"icc", samples_of(RGB, "u8"))
    found = read_mapped(file)
    assert (found.header, found.icc) == (header, b"icc")
    assert isinstance(found.samples, np.memmap)
    assert found.samples.tolist() == samples_of(RGB, "u8").tolist()


def test_decoding_ends_when_it_is_not_wanted() -> None:
    with pytest.raises(NotWanted):
        make_picture(PixelHeader(2, 1, "rgb", "u8"), b"", samples_of(RGB, "u8"), lambda: False)
