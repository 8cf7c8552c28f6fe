from __future__ import annotations

import numpy as np
import pytest

from scalediff_engine.images.picture import Depth, dithered_u8, from_float, to_float


@pytest.mark.parametrize(("dtype", "depth"), [(np.uint8, Depth.U8), (np.uint16, Depth.U16)])
def test_every_integer_value_comes_back(dtype: type[np.integer], depth: Depth) -> None:
    every = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    floats, found = to_float(every)
    assert found is depth
    assert (floats[0], floats[-1]) == (0.0, 1.0)
    np.testing.assert_array_equal(from_float(floats, depth), every)


def test_every_half_comes_back() -> None:
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)]
    floats, depth = to_float(every)
    assert depth is Depth.F16
    np.testing.assert_array_equal(from_float(floats, depth), every)


def test_twelve_bits_fill_the_range() -> None:
    floats, depth = to_float(np.array([0, 4095], np.uint16), bits=12)
    assert depth is Depth.U16
    assert floats.tolist() == [0.0, 1.0]


def test_signed_numbers_start_at_their_lowest() -> None:
    floats, depth = to_float(np.array([-32768, 32767], np.int16))
    assert depth is Depth.U16
    assert floats.tolist() == [0.0, 1.0]


def test_long_integers_become_float() -> None:
    floats, depth = to_float(np.array([0, 2**31, 2**32 - 1], np.uint32))
    assert depth is Depth.F32
    np.testing.assert_allclose(floats, [0, 0.5, 1], atol=1e-6)


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="complex"):
        to_float(np.zeros(3, np.complex64))


def test_out_of_range_values_are_clipped_not_wrapped() -> None:
    wild = np.array([-1.0, 2.0, np.nan, np.inf, -np.inf], np.float32)
    assert from_float(wild, Depth.U8).tolist() == [0, 255, 0, 255, 0]
    assert np.isfinite(from_float(np.array([1e9], np.float32), Depth.F16)).all()


def test_rounding_is_to_the_nearest() -> None:
    values = np.array([0.499, 0.501, 254.4, 254.6], np.float32) / 255
    assert from_float(values, Depth.U8).tolist() == [0, 1, 254, 255]


def test_dither_keeps_the_mean_of_a_shade_between_two_steps() -> None:
    shade = np.full((300, 300), 100.3 / 255, np.float32)
    samples = dithered_u8(shade)
    assert abs(float(samples.mean()) - 100.3) < 0.01
    assert set(np.unique(samples)) <= {99, 100, 101, 102}


def test_dither_breaks_the_bands_of_a_slow_ramp() -> None:
    ramp = np.tile(np.linspace(0.5, 0.505, 4000, dtype=np.float32), (64, 1))
    banded = from_float(ramp, Depth.U8).astype(float) / 255 - ramp
    dithered = dithered_u8(ramp).astype(float) / 255 - ramp
    assert np.abs(banded.mean(0)).max() > 1e-3
    assert np.abs(dithered.mean(0).reshape(-1, 100).mean(1)).max() < 2e-4


def test_dither_leaves_alone_what_eight_bits_hold_and_is_repeatable() -> None:
    exact = (np.arange(256, dtype=np.float32) / np.float32(255))[:, None].repeat(8, 1)
    np.testing.assert_array_equal(dithered_u8(exact), np.arange(256)[:, None].repeat(8, 1))
    between = np.full((9, 9), 0.1234, np.float32)
    np.testing.assert_array_equal(dithered_u8(between), dithered_u8(between))
