from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.alpha import fill_under_alpha, resize_alpha
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import resize


def _disc(side: int = 32) -> tuple[Pixels, Pixels]:
    """An orange disc; black, as many programs leave it, under the transparency around it."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    alpha = np.clip(side / 4 - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)
    pixels = np.where(alpha[..., None] > 0, np.array([1.0, 0.6, 0.2]), 0.0).astype(np.float32)
    return pixels, alpha


def test_the_colour_of_the_edge_goes_on_under_the_transparency() -> None:
    pixels, alpha = _disc()
    filled = fill_under_alpha(pixels, alpha)
    np.testing.assert_allclose(filled, np.broadcast_to([1.0, 0.6, 0.2], filled.shape), atol=1e-5)


def test_a_filled_edge_has_no_dark_fringe_when_enlarged() -> None:
    pixels, alpha = _disc()
    big = resize_alpha(alpha, Size(128, 128))
    plain = resize(pixels, Size(128, 128))[big > 0.2]
    filled = resize(fill_under_alpha(pixels, alpha), Size(128, 128))[big > 0.2]
    assert plain[..., 0].min() < 0.9
    assert filled[..., 0].min() > 0.999


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 23), st.integers(1, 23), st.floats(0, 1), st.integers(0, 99))
def test_visible_pixels_are_unchanged_to_the_last_bit(
    height: int, width: int, share: float, seed: int
) -> None:
    noise = np.random.default_rng(seed)
    pixels = noise.random((height, width, 3)).astype(np.float32)
    alpha = (noise.random((height, width)) * (noise.random((height, width)) < share)).astype(
        np.float32
    )
    before = pixels.copy()
    filled = fill_under_alpha(pixels, alpha)
    visible = alpha > 2.5 / 255
    np.testing.assert_array_equal(filled[visible], pixels[visible])
    np.testing.assert_array_equal(pixels, before)
    if visible.any():
        assert filled.min() >= pixels[visible].min() - 1e-5
        assert filled.max() <= pixels[visible].max() + 1e-5


def test_values_above_1_are_extended_too() -> None:
    pixels, alpha = _disc()
    np.testing.assert_allclose(fill_under_alpha(pixels * 5, alpha)[0, 0], (5, 3, 1), rtol=1e-4)


def test_a_fully_transparent_picture_comes_back_as_it_is() -> None:
    pixels, alpha = _disc()
    np.testing.assert_array_equal(fill_under_alpha(pixels, np.zeros_like(alpha)), pixels)


@pytest.mark.parametrize(
    "size", [Size(96, 96), Size(77, 53), Size(20, 20), Size(40, 9), Size(7, 99)]
)
def test_flat_regions_of_alpha_stay_exactly_flat(size: Size) -> None:
    alpha = np.zeros((32, 32), np.float32)
    alpha[:, 16:] = 1.0
    result = resize_alpha(alpha, size)
    assert result.shape == (size.height, size.width)
    margin = max(2, size.width * 3 // 32 + 1)
    assert (result[:, : size.width // 2 - margin] == 0).all()
    assert (result[:, size.width // 2 + margin :] == 1).all()


def test_a_half_transparent_plateau_does_not_ring() -> None:
    alpha = np.zeros((16, 16), np.float32)
    alpha[4:12, 4:12] = 0.5
    result = resize_alpha(alpha, Size(80, 80))
    assert result.max() == 0.5
    assert result.min() == 0.0
    assert (np.diff(result[40, :40]) >= -1e-7).all()


def test_a_soft_edge_stays_where_it_is() -> None:
    _, alpha = _disc()
    for side in (16, 71, 128):
        assert resize_alpha(alpha, Size(side, side)).mean() == pytest.approx(alpha.mean(), rel=0.02)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40), st.integers(1, 40))
def test_alpha_never_leaves_the_range_that_it_had(
    height: int, width: int, to_height: int, to_width: int
) -> None:
    alpha = np.random.default_rng(height * 50 + width).random((height, width)).astype(np.float32)
    result = resize_alpha(alpha, Size(to_width, to_height))
    assert result.min() >= alpha.min()
    assert result.max() <= alpha.max()
