from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.resample import Kernel, SourceBox, resize, resize_in_range


def _noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    shape = (height, width, channels)
    return np.random.default_rng(0).normal(0.5, 1.0, shape).astype(np.float32)


@pytest.mark.parametrize("kernel", Kernel)
def test_a_flat_picture_stays_flat_also_outside_0_to_1(kernel: Kernel) -> None:
    flat = np.full((5, 7, 2), 3.25, np.float32)
    result = resize(flat, Size(13, 3), kernel=kernel)
    assert result.shape == (3, 13, 2)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 3.25, rtol=1e-6)


def test_each_channel_is_resized_by_itself() -> None:
    pixels = _noise(8, 9)
    whole = resize(pixels, Size(20, 15))
    np.testing.assert_array_equal(whole[..., 1], resize(pixels[..., 1], Size(20, 15)))


def test_a_fractional_box_reads_the_part_that_it_names() -> None:
    ramp = np.tile(np.arange(32, dtype=np.float32), (4, 1))
    result = resize(ramp, Size(8, 4), box=SourceBox(10.25, 0, 18.25, 4), kernel=Kernel.BILINEAR)
    # Pixel centres of the box lie at 10.25 + 0.5 + i, so at ramp values 10.25 + i.
    np.testing.assert_allclose(result[0], 10.25 + np.arange(8), atol=1e-5)


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (8, 16))
    np.testing.assert_allclose(resize(stripes, Size(4, 1), kernel=Kernel.BOX), 0.5, atol=1e-6)
    assert np.ptp(resize(stripes, Size(4, 1))) < 0.1


def test_nearest_only_repeats() -> None:
    pixels = _noise(3, 4)
    tripled = resize(pixels, Size(12, 9), kernel=Kernel.NEAREST)
    np.testing.assert_array_equal(tripled, pixels.repeat(3, 0).repeat(3, 1))


def test_the_same_size_is_the_same_picture_but_another_array() -> None:
    pixels = _noise(3, 4)
    result = resize(pixels, Size(4, 3))
    np.testing.assert_array_equal(result, pixels)
    assert not np.shares_memory(result, pixels)


def test_an_empty_size_is_refused() -> None:
    with pytest.raises(ValueError, match="0x3"):
        resize(_noise(3, 4), Size(0, 3))


def test_a_box_beyond_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"[Bb]ox"):
        resize(_noise(3, 4), Size(2, 2), box=SourceBox(0, 0, 5, 3))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 40), st.integers(1, 40))
def test_the_argument_is_never_written_to_and_the_result_is_finite(
    height: int, width: int, to_height: int, to_width: int
) -> None:
    pixels = _noise(height, width)
    before = pixels.copy()
    result = resize(pixels, Size(to_width, to_height), kernel=Kernel.LANCZOS)
    assert result.shape == (to_height, to_width, 3)
    assert np.isfinite(result).all()
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("size", [Size(64, 64), Size(41, 37), Size(9, 40), Size(5, 5)])
def test_in_range_nothing_rings_and_plateaus_stay_flat(size: Size) -> None:
    plane = np.full((16, 16), 0.25, np.float32)
    plane[6:10, 6:10] = 30.0
    result = resize_in_range(plane, size)
    assert result.shape == (size.height, size.width)
    assert result.min() == 0.25
    assert 0.25 < result.max() <= 30.0
    if min(size) > 16:
        assert resize(plane, size).min() < -1


def test_in_range_a_ramp_stays_a_ramp() -> None:
    ramp = np.tile(np.arange(8, dtype=np.float32), (8, 1))
    for plane in (ramp, ramp.T):
        result = resize_in_range(plane, Size(32, 32))
        np.testing.assert_allclose(result[4:-4, 4:-4], resize(plane, Size(32, 32))[4:-4, 4:-4])
