from __future__ import annotations

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from image_files import cmyk_profile, picture
from PIL import Image, ImageCms

from scalediff_engine.images.colour import from_srgb, luma, profile_problem, to_srgb
from scalediff_engine.images.picture import Depth, Picture

ADOBE = bytes(imagecodecs.cms_profile("adobergb"))
GREY_22 = bytes(imagecodecs.cms_profile("gray", gamma=2.2))
LITTLE_CMS_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LINEAR = bytes(
    imagecodecs.cms_profile(
        "rgb",
        whitepoint=(0.3127, 0.3290, 1.0),
        primaries=[0.64, 0.33, 1, 0.30, 0.60, 1, 0.15, 0.06, 1],
        gamma=1.0,
    )
)


@pytest.mark.parametrize("icc", [None, LITTLE_CMS_SRGB, bytes(imagecodecs.cms_profile("srgb"))])
@pytest.mark.parametrize("depth", Depth)
def test_srgb_is_left_alone_to_the_last_bit(icc: bytes | None, depth: Depth) -> None:
    source = picture(3, depth, icc=icc)
    rgb = to_srgb(source)
    np.testing.assert_array_equal(rgb, source.pixels)
    np.testing.assert_array_equal(from_srgb(rgb, source), source.pixels)
    assert profile_problem(source) is None


def test_grey_becomes_three_equal_channels_and_comes_back() -> None:
    source = picture(1, Depth.U16)
    rgb = to_srgb(source)
    assert rgb.shape == (13, 17, 3)
    np.testing.assert_array_equal(rgb[..., 0], source.pixels[..., 0])
    np.testing.assert_array_equal(from_srgb(rgb, source), source.pixels)


@pytest.mark.parametrize("icc", [ADOBE, LINEAR])
def test_colours_inside_srgb_survive_the_round_trip(icc: bytes) -> None:
    like = picture(3, Depth.U16, icc=icc)
    rgb = np.random.default_rng(0).random((60, 60, 3)).astype(np.float32)
    own = from_srgb(rgb, like)
    back = to_srgb(Picture(own, depth=Depth.F32, icc=icc))
    assert np.abs(back - rgb).max() < 1 / 4096


def test_a_wide_profile_is_converted_as_another_program_would() -> None:
    source = picture(3, icc=ADOBE)
    eight = Image.fromarray(np.rint(source.pixels * 255).astype(np.uint8))
    theirs = ImageCms.profileToProfile(
        eight,
        ImageCms.ImageCmsProfile(__import__("io").BytesIO(ADOBE)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert theirs is not None
    ours = to_srgb(source)
    assert np.abs(ours - np.asarray(theirs) / 255).max() < 1.5 / 255
    assert np.abs(ours - source.pixels).max() > 0.03


def test_integer_pictures_stay_within_0_to_1_and_floats_do_not() -> None:
    green = np.zeros((1, 1, 3), np.float32)
    green[..., 1] = 1.0
    assert to_srgb(Picture(green, icc=ADOBE)).min() == 0.0
    assert to_srgb(Picture(green, depth=Depth.F32, icc=ADOBE)).min() < 0.0


def test_linear_highlights_go_above_1_and_come_back() -> None:
    bright = np.full((1, 2, 3), 4.0, np.float32)
    source = Picture(bright, depth=Depth.F32, icc=LINEAR)
    rgb = to_srgb(source)
    assert rgb.min() > 1.5
    np.testing.assert_allclose(from_srgb(rgb, source), bright, rtol=1e-3)


def test_a_grey_profile_bends_the_tones() -> None:
    source = picture(1, icc=GREY_22)
    rgb = to_srgb(source)
    assert np.abs(rgb[..., :1] - source.pixels).max() > 0.003
    np.testing.assert_allclose(from_srgb(rgb, source), source.pixels, atol=1 / 4096)


def test_a_grey_picture_with_an_rgb_profile_is_equal_channels_of_it() -> None:
    source = picture(1, icc=ADOBE)
    rgb = to_srgb(source)
    assert np.ptp(rgb, axis=2).max() < 1e-4
    np.testing.assert_allclose(from_srgb(rgb, source), source.pixels, atol=1 / 4096)


def test_cmyk_without_a_profile_uses_the_plain_formula() -> None:
    inks = np.array([[[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0.5, 0, 1, 0.5]]], np.float32)
    rgb = to_srgb(Picture(inks))
    np.testing.assert_allclose(rgb[0], [[1, 1, 1], [0, 1, 1], [0, 0, 0], [0.25, 0.5, 0]], atol=1e-6)
    np.testing.assert_allclose(to_srgb(Picture(from_srgb(rgb, Picture(inks)))), rgb, atol=1e-6)


def test_cmyk_goes_through_its_profile() -> None:
    profile = cmyk_profile()
    inks = picture(4, icc=profile)
    rgb = to_srgb(inks)
    # The profile's tables hold the plain formula, so both ways agree as far as the tables do.
    assert np.abs(rgb - to_srgb(replace(inks, icc=None))).max() < 0.06
    white_black = np.array([[[0, 0, 0, 0], [0, 0, 0, 1]]], np.float32)
    np.testing.assert_allclose(
        to_srgb(Picture(white_black, icc=profile))[0, :, 0], [1, 0], atol=0.02
    )
    inside = 0.2 + 0.6 * np.random.default_rng(1).random((20, 20, 3)).astype(np.float32)
    own = from_srgb(inside, inks)
    assert own.shape == (20, 20, 4)
    assert np.abs(to_srgb(Picture(own, icc=profile)) - inside).max() < 0.03


@pytest.mark.parametrize(
    "broken", [b"garbage", ADOBE[:300], b"\0" * 500, GREY_22, ADOBE[:128] + b"\xff" * 400]
)
def test_a_broken_profile_counts_as_srgb_and_is_told(broken: bytes) -> None:
    source = picture(3, icc=broken)
    np.testing.assert_array_equal(to_srgb(source), source.pixels)
    assert "sRGB" in (profile_problem(source) or "")


def test_luma_leaves_neutral_colours_exactly() -> None:
    grey = np.random.default_rng(0).random((9, 9, 1)).astype(np.float32)
    np.testing.assert_array_equal(luma(np.repeat(grey, 3, 2)), grey)


def test_neither_way_writes_into_its_argument_or_hands_it_out() -> None:
    source = picture(3)
    rgb = to_srgb(source)
    assert not np.shares_memory(rgb, source.pixels)
    assert not np.shares_memory(from_srgb(rgb, source), rgb)


def test_cmyk_made_without_black_keeps_its_detail_in_the_other_inks() -> None:
    grey = np.linspace(0.3, 0.7, 16, dtype=np.float32)[None, :, None].repeat(4, 0)
    inks = np.concatenate([1 - grey] * 3 + [np.zeros_like(grey)], axis=2)
    like = Picture(inks)
    np.testing.assert_allclose(from_srgb(to_srgb(like), like), inks, atol=1e-6)
    finer = np.random.default_rng(2).random((8, 32, 3)).astype(np.float32)
    own = from_srgb(finer, like)
    assert own[..., 3].max() == 0
    np.testing.assert_allclose(to_srgb(Picture(own)), finer, atol=1e-6)


def test_cmyk_made_with_black_keeps_its_black() -> None:
    like = picture(4, Depth.U16)
    np.testing.assert_allclose(from_srgb(to_srgb(like), like), like.pixels, atol=1e-5)
