from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.alpha import resize_alpha
from scalediff_engine.images.picture import Depth, Metadata, Picture
from scalediff_engine.upscalers.enlarge import upscale_fast


def scene(channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[0:24, 0:32].astype(np.float32)
    disc = ((x - 14) ** 2 + (y - 11) ** 2 < 60).astype(np.float32)
    planes = [0.2 + 0.6 * disc, 0.3 + x / 64, 0.7 - y / 48, 0.1 + 0 * x][:channels]
    return np.stack(planes, axis=-1).astype(np.float32)


def test_what_a_file_says_stays() -> None:
    picture = Picture(
        scene(), depth=Depth.U16, icc=None, metadata=Metadata(xmp=b"<x/>", dpi=(300, 300))
    )
    result = upscale_fast(picture, Size(128, 96))
    assert result.size == Size(128, 96)
    assert (result.depth, result.metadata, result.icc) == (Depth.U16, picture.metadata, None)
    assert 0 <= result.pixels.min() <= result.pixels.max() <= 1


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_rgb_and_ink_keep_their_channels_and_mean_colours(channels: int) -> None:
    picture = Picture(scene(channels))
    result = upscale_fast(picture, Size(64, 48))
    assert result.pixels.shape == (48, 64, channels)
    moved = result.pixels.mean((0, 1)) - picture.pixels.mean((0, 1))
    assert np.abs(moved).max() < 1 / 255


def test_a_wide_profile_goes_to_srgb_and_back() -> None:
    profile = bytes(imagecodecs.cms_profile("adobergb"))
    picture = Picture(scene() * 0.5 + 0.25, icc=profile)
    result = upscale_fast(picture, Size(64, 48))
    assert result.icc == profile
    moved = result.pixels.mean((0, 1)) - picture.pixels.mean((0, 1))
    assert np.abs(moved).max() < 1 / 255


def test_colours_under_transparency_do_not_bleed() -> None:
    pixels = scene()
    alpha = np.zeros(pixels.shape[:2], np.float32)
    alpha[:, :16] = 1
    dirty = pixels.copy()
    dirty[:, 16:] = (0, 1, 0)
    results = [
        upscale_fast(Picture(p, alpha=alpha), Size(64, 48))
        for p in (dirty, np.where(alpha[..., None] > 0, pixels, 0.5).astype(np.float32))
    ]
    shown = results[0].alpha
    assert shown is not None
    assert shown[:, :28].min() == 1
    assert shown[:, 36:].max() == 0
    assert results[0].pixels == pytest.approx(results[1].pixels, abs=1e-5)


def test_highlights_of_a_float_picture_stay() -> None:
    pixels = scene()
    pixels[4:12, 4:12] = 6.0
    picture = Picture(pixels, depth=Depth.F32)
    result = upscale_fast(picture, Size(64, 48))
    assert result.pixels[12:20, 12:20] == pytest.approx(np.full((8, 8, 3), 6.0), abs=0.05)
    assert (picture.pixels == pixels).all()


def test_colours_beyond_srgb_stay() -> None:
    profile = bytes(imagecodecs.cms_profile("adobergb"))
    pixels = np.zeros((24, 24, 3), np.float32)
    pixels[..., 1] = 1  # a green that sRGB does not have
    pixels[8:16, 8:16, 1] = 0.9
    result = upscale_fast(Picture(pixels, icc=profile), Size(48, 48))
    assert np.abs(result.pixels[:8, :8] - pixels[0, 0]).max() < 0.01
    assert result.pixels[20:28, 20:28, 1] == pytest.approx(np.full((8, 8), 0.9), abs=0.01)


def test_hard_edges_of_transparency_stay_hard() -> None:
    alpha = (scene(1)[..., 0] > 0.5).astype(np.float32)
    shown = upscale_fast(Picture(scene(), alpha=alpha), Size(128, 96)).alpha
    assert shown is not None
    interpolated = resize_alpha(alpha, Size(128, 96))
    soft, softer = (float(((a > 0.02) & (a < 0.98)).mean()) for a in (shown, interpolated))
    assert soft < 0.75 * softer
