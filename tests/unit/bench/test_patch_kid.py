"""Patch-KID against a double loop, and against what must and must not raise it."""

from __future__ import annotations

import numpy as np
import pytest

from scalediff_engine.bench.metrics import Features, kid, paired_mmd2, patches
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import Size, resize

DIMS = 6


def drawn(seed: int, count: int, shift: float = 0.0) -> Features:
    return np.random.default_rng(seed).normal(shift, 1, (count, DIMS))


def cubic(x: Features, y: Features) -> float:
    return float((x @ y / DIMS + 1) ** 3)


def test_it_is_the_sum_over_all_pairs_of_different_rows() -> None:
    x, y = drawn(0, 17), drawn(1, 17, 0.4)
    total = 0.0
    for i in range(17):
        for j in range(17):
            if i != j:
                total += cubic(x[i], x[j]) + cubic(y[i], y[j])
                total -= cubic(x[i], y[j]) + cubic(x[j], y[i])
    assert paired_mmd2(x, y) == pytest.approx(total / (17 * 16), rel=1e-9)


def test_small_samples_give_the_same_mean_as_a_large_one() -> None:
    """A biased estimate would be higher by about the mean of k(x, x) / n."""
    large = paired_mmd2(drawn(0, 4000), drawn(1, 4000, 0.3))
    small = [paired_mmd2(drawn(2 * i + 10, 5), drawn(2 * i + 11, 5, 0.3)) for i in range(4000)]
    error = float(np.std(small) / np.sqrt(len(small)))
    assert abs(float(np.mean(small)) - large) < 4 * error
    own = float(np.mean([cubic(row, row) for row in drawn(0, 4000)])) / 5
    assert own > 8 * error  # the test would see the bias


def test_pairs_that_depend_on_each_other_add_no_bias() -> None:
    """Results are made from their originals; equal distributions must still give 0."""
    values: list[float] = []
    for i in range(3000):
        x = drawn(3 * i, 5)
        values.append(paired_mmd2(0.6 * x + 0.8 * drawn(3 * i + 1, 5), x))
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_a_set_beside_itself_is_0_and_beside_another_of_its_kind_within_its_error() -> None:
    assert kid(drawn(0, 400), drawn(0, 400)).mean == pytest.approx(0, abs=1e-12)
    other = kid(drawn(0, 2000), drawn(1, 2000))
    assert abs(other.mean) < 4 * other.error
    assert other.error > 0
    far = kid(drawn(0, 2000), drawn(1, 2000, 0.5))
    assert far.mean > 10 * far.error


def test_too_few_patches_are_said() -> None:
    with pytest.raises(ValueError, match="15 patches cannot make 10 subsets"):
        kid(drawn(0, 15), drawn(1, 15))


def detail(pixels: Pixels) -> Features:
    """A small stand-in for a network: mean sizes of differences at four distances."""
    parts = patches(pixels, 32, 16)
    means = [np.abs(parts[:, d:] - parts[:, :-d]).mean((1, 2, 3)) for d in (1, 2, 4, 8)]
    return np.stack(means, axis=1).astype(np.float64) * 20


def test_it_grows_with_blur() -> None:
    original = np.random.default_rng(0).random((256, 256, 3), np.float32)
    scores = [0.0]
    for side in (192, 128, 64):
        blurred = resize(resize(original, Size(side, side)), Size(256, 256))
        scores.append(kid(detail(blurred), detail(original)).mean)
    assert scores == sorted(scores)
    assert scores[1] > 0.01


def test_patches_are_cut_in_order_and_at_their_own_size() -> None:
    pixels = np.arange(96 * 128 * 3, dtype=np.float32).reshape(96, 128, 3)
    found = patches(pixels, 64, 32)
    assert found.shape == (2 * 3, 64, 64, 3)
    np.testing.assert_array_equal(found[4], pixels[32:96, 32:96])
