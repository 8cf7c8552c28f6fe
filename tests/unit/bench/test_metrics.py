from __future__ import annotations

import math

import numpy as np
import pytest

from scalediff_engine.bench.metrics import SeamScore, measure, octave_power
from scalediff_engine.images.picture import Pixels


def wave(cycles_per_pixel: float, size: int = 128) -> Pixels:
    cols = np.arange(size, dtype=np.float32)
    row = 0.5 + 0.3 * np.sin(2 * np.pi * cycles_per_pixel * cols)
    return np.broadcast_to(row[None, :, None], (size, size, 3)).astype(np.float32)


def test_a_picture_beside_itself_is_perfect() -> None:
    picture = wave(0.3)
    same = measure(picture, picture)
    assert same.ssim == pytest.approx(1)
    assert (same.power_mid, same.power_top, same.colour_shift) == (1, 1, 0)


def test_psnr_and_colour_shift_are_those_of_a_known_difference() -> None:
    picture = wave(0.3)
    shifted = picture + np.array([0.1, 0, 0], np.float32)
    found = measure(shifted, picture)
    assert found.psnr_db == pytest.approx(10 * math.log10(3 / 0.01), abs=1e-3)
    assert found.colour_shift == pytest.approx(25.5, abs=1e-3)


def test_power_is_counted_in_its_own_octave() -> None:
    mid, top = wave(0.18), wave(0.35)
    assert octave_power(mid, 1 / 8, 1 / 4) > 1e4 * octave_power(mid, 1 / 4, 1 / 2)
    assert octave_power(top, 1 / 4, 1 / 2) > 1e4 * octave_power(top, 1 / 8, 1 / 4)
    doubled = (top - 0.5) * 2 + 0.5
    assert octave_power(doubled, 1 / 4, 1 / 2) == pytest.approx(
        4 * octave_power(top, 1 / 4, 1 / 2), rel=1e-3
    )


def noise_with_step(step: float) -> Pixels:
    noise = np.random.default_rng(0).normal(0.5, 0.05, (256, 256, 3)).astype(np.float32)
    noise[64:128] += step
    return noise


def test_seams_at_patch_borders_raise_the_score_and_noise_does_not() -> None:
    def ratio(pixels: Pixels, patch_px: int) -> float:
        score = SeamScore()
        score.add(pixels, patch_px)
        return score.ratio

    assert ratio(noise_with_step(0), 64) == pytest.approx(1, abs=0.03)
    assert ratio(noise_with_step(0.1), 64) > 1.3
    assert ratio(noise_with_step(0.1), 96) == pytest.approx(1, abs=0.03)  # not at its borders
