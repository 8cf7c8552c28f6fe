from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from scalediff_engine.base.geometry import Box, Grid
from scalediff_engine.method.frequency import (
    enlarge_latent,
    guide_structure,
    latent_frequency_mix,
    lowpass,
    lowpass_of_part,
)


def lowpass_by_hand(z: list[float], small: int) -> list[float]:
    """One axis: triangle-filtered shrinking, then linear enlarging, pixel centres at halves."""
    length = len(z)
    factor = length / small
    shrunk = []
    for i in range(small):
        centre = (i + 0.5) * factor
        weights = [max(0.0, 1 - abs((k + 0.5) - centre) / factor) for k in range(length)]
        shrunk.append(sum(w * v for w, v in zip(weights, z, strict=True)) / sum(weights))
    out = []
    for k in range(length):
        at = min(max((k + 0.5) / factor - 0.5, 0), small - 1)
        low = math.floor(at)
        high = min(low + 1, small - 1)
        out.append(shrunk[low] * (1 - (at - low)) + shrunk[high] * (at - low))
    return out


def test_lowpass_equals_a_hand_worked_one_along_an_axis() -> None:
    values = [3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0, 6.0, -5.0, 3.0, 5.0, 8.0]
    z = torch.tensor(values).expand(1, 1, 12, 12)
    by_hand = torch.tensor(lowpass_by_hand(values, 3))
    assert (lowpass(z, 1 / 4) - by_hand).abs().max() < 1e-5
    columns = z.transpose(-1, -2)
    assert (lowpass(columns, 1 / 4) - by_hand[:, None]).abs().max() < 1e-5


def test_the_small_grid_is_rounded_down_as_the_page_says() -> None:
    values = [float(k % 5) for k in range(11)]
    z = torch.tensor(values).expand(1, 1, 11, 11)
    assert (lowpass(z, 1 / 4) - torch.tensor(lowpass_by_hand(values, 2))).abs().max() < 1e-5


def test_a_grid_smaller_than_the_factor_still_has_a_lowpass() -> None:
    z = torch.randn(1, 4, 3, 3)
    assert (lowpass(z, 1 / 8) - z.mean((2, 3), keepdim=True)).abs().max() < 0.6
    assert lowpass(z, 1 / 8).shape == z.shape


def test_flat_latents_pass_and_checkerboards_do_not() -> None:
    flat = torch.full((1, 2, 32, 32), 0.7)
    checker = torch.ones(1, 1, 32, 32)
    checker[..., ::2, 1::2] = -1
    checker[..., 1::2, ::2] = -1
    assert torch.allclose(lowpass(flat, 1 / 8), flat)
    assert lowpass(checker, 1 / 4).abs().max() < 0.01  # the border is not quite balanced


def test_mixing_takes_the_low_band_of_one_and_the_high_band_of_the_other() -> None:
    generator = torch.Generator().manual_seed(0)
    z_lu, z_ru = (torch.randn(1, 3, 32, 40, generator=generator) for _ in range(2))
    mixed = latent_frequency_mix(z_lu, z_ru, 1 / 8)

    def low(z: Tensor) -> Tensor:
        return lowpass(z, 1 / 8)

    assert torch.allclose(mixed - z_ru, low(z_lu) - low(z_ru), atol=1e-6)
    assert torch.allclose(latent_frequency_mix(z_ru, z_ru, 1 / 8), z_ru, atol=1e-6)
    shifted = latent_frequency_mix(z_lu + 1, z_ru, 1 / 8)  # a flat change is all low band
    assert torch.allclose(shifted, mixed + 1, atol=1e-5)
    assert torch.allclose(latent_frequency_mix(z_lu, z_ru + 1, 1 / 8), mixed, atol=1e-5)


def test_guidance_of_zero_leaves_and_of_one_replaces_the_low_band() -> None:
    generator = torch.Generator().manual_seed(1)
    z0, z_ref = (torch.randn(1, 2, 32, 32, generator=generator) for _ in range(2))
    c = 1 / 4
    low = lowpass(z_ref, c)
    assert torch.equal(guide_structure(z0, low, 0.0, c), z0)
    guided = guide_structure(z0, low, 1.0, c)
    assert torch.allclose(guided, z0 - lowpass(z0, c) + low, atol=1e-6)
    half = guide_structure(z0, low, 0.5, c)
    assert torch.allclose(half, (z0 + guided) / 2, atol=1e-6)


def test_guidance_of_one_gives_the_references_lowpass_back() -> None:
    # what differs between the two latents lies well inside the low band, where a low-pass of a
    # low-pass changes nothing that matters; the detail on top is shared
    rows = torch.arange(64)[:, None] / 64
    cols = torch.arange(64)[None, :] / 64
    slow = torch.cos(math.pi * rows) + torch.sin(math.pi * cols)
    detail = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    z0, z_ref = detail, detail + slow
    c = 1 / 4
    guided = guide_structure(z0, lowpass(z_ref, c), 1.0, c)
    error = (lowpass(guided, c) - lowpass(z_ref, c)).abs().max()
    assert error < 0.03 * (lowpass(z0, c) - lowpass(z_ref, c)).abs().max()
    flat = guide_structure(z0, lowpass(z0 + 3, c), 1.0, c)
    assert torch.allclose(lowpass(flat, c), lowpass(z0 + 3, c), atol=1e-5)


def test_enlarging_keeps_flat_latents_and_reaches_any_size() -> None:
    z = torch.full((1, 2, 10, 14), -1.5)
    assert torch.allclose(enlarge_latent(z, (23, 31)), torch.full((1, 2, 23, 31), -1.5), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32_and_comes_back_as_it_was(
    dtype: torch.dtype,
) -> None:
    z = torch.randn(1, 2, 32, 32, generator=torch.Generator().manual_seed(3)).to(dtype)
    out = lowpass(z, 1 / 4)
    assert out.dtype == dtype
    assert torch.equal(out, lowpass(z.float(), 1 / 4).to(dtype))


@pytest.mark.parametrize("c", [1 / 4, 1 / 8, 1 / 32])
def test_a_part_is_filtered_as_it_is_within_the_whole(c: float) -> None:
    """Also where the small grid's cells do not begin where the part does."""
    z = torch.randn(1, 3, 70, 90)
    expected = lowpass(z, c)
    part, whole = Box(5, 3, 86, 69), Grid(70, 90)
    found = lowpass_of_part(z[..., part.top : part.bottom, part.left : part.right], c, part, whole)
    reach = round(2 / c)  # that far the filter sees
    inside = (slice(None), slice(None), slice(reach, -reach or None), slice(reach, -reach or None))
    if min(part.size) > 2 * reach:
        there = expected[..., part.top : part.bottom, part.left : part.right]
        assert torch.allclose(found[inside], there[inside], atol=1e-5)
    flat = lowpass_of_part(torch.ones(1, 3, 66, 81), c, part, whole)
    assert torch.allclose(flat, torch.ones(()), atol=1e-5)  # what is missing is not taken as 0


def test_a_part_that_is_the_whole_is_filtered_as_the_whole() -> None:
    z = torch.randn(1, 2, 33, 47)
    found = lowpass_of_part(z, 1 / 4, Box(0, 0, 47, 33), Grid(33, 47))
    assert torch.allclose(found, lowpass(z, 1 / 4), atol=1e-5)
