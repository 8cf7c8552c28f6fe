"""What the measurement of the loupe says of windows that are known."""

from __future__ import annotations

import numpy as np
import pytest

from scalediff_engine.base.geometry import Size
from scalediff_engine.bench.loupe import closeness, places


def test_a_window_that_is_the_same_is_as_close_as_can_be() -> None:
    window = np.random.default_rng(0).random((40, 40, 3), np.float32)
    psnr, detail, kept = closeness(window, window)
    assert psnr > 150
    assert detail > 150
    assert kept == 1


def test_another_brightness_leaves_the_detail_and_other_grain_does_not() -> None:
    noise = np.random.default_rng(0)
    window = noise.random((64, 64, 3), np.float32)
    psnr, detail, kept = closeness(window + np.float32(0.1), window)
    assert psnr == pytest.approx(20, abs=0.01)
    assert detail > 60
    _, detail, kept = closeness(noise.random((64, 64, 3), np.float32), window)
    assert detail == pytest.approx(-3, abs=0.3)
    _, _, kept = closeness(window * np.float32(0.5), window)
    assert kept == pytest.approx(0.5, abs=0.01)


def test_all_places_lie_in_the_result() -> None:
    for box in places(Size(300, 200), 128).values():
        assert box == box.within(Size(300, 200))
        assert box.size == Size(128, 128)
