"""Group normalisation against PyTorch's, and its kernels in Triton's interpreter."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import silu

from scalediff_engine.models import group_norm as module
from scalediff_engine.models.group_norm import (
    add_biased,
    affine_of,
    apply_affine,
    group_norm,
    pixel_sums,
)


def norm(groups: int, channels: int, *, affine: bool = True) -> nn.GroupNorm:
    layer = nn.GroupNorm(groups, channels, eps=1e-3, affine=affine)
    if affine:
        nn.init.normal_(layer.weight, 1, 0.5)
        nn.init.normal_(layer.bias, 0, 0.5)
    return layer.requires_grad_(False)


def random(*shape: int) -> Tensor:
    return torch.randn(shape) * torch.linspace(0.2, 3, shape[1]).view(-1, *[1] * (len(shape) - 2))


def expected(x: Tensor, layer: nn.GroupNorm, add: Tensor | None, *, activate: bool) -> Tensor:
    """In float64, by the definition."""
    x = x.double() if add is None else x.double() + add.double()[:, :, None, None]
    groups = x.unflatten(1, (layer.num_groups, -1))
    mean = groups.mean((2, 3, 4), keepdim=True)
    variance = (groups - mean).square().mean((2, 3, 4), keepdim=True)
    y = ((groups - mean) / (variance + layer.eps).sqrt()).flatten(1, 2)
    if layer.affine:
        y = y * layer.weight.double()[:, None, None] + layer.bias.double()[:, None, None]
    return silu(y) if activate else y


shapes = st.tuples(
    st.integers(1, 3), st.sampled_from([(1, 4), (4, 4), (2, 8)]), st.integers(1, 9),
    st.integers(2, 9),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(shape=shapes, added=st.booleans(), activate=st.booleans(), affine=st.booleans())
def test_both_ways_are_the_definition(
    shape: tuple[int, tuple[int, int], int, int], added: bool, activate: bool, affine: bool
) -> None:
    batch, (groups, channels), rows, cols = shape
    torch.manual_seed(rows * 10 + cols)
    layer, x = norm(groups, channels, affine=affine), random(batch, channels, rows, cols)
    add = random(batch, channels) if added else None
    want = expected(x, layer, add, activate=activate)
    at_once = group_norm(x, layer, add=add, activate=activate)
    sums = pixel_sums(x, add)
    in_two_moves = apply_affine(x, affine_of(layer, sums, add), activate=activate)
    assert (at_once - want).abs().max() < 1e-4
    assert (in_two_moves - want).abs().max() < 1e-4


def test_it_is_pytorchs_own_at_once() -> None:
    torch.manual_seed(0)
    layer, x = norm(4, 8), random(2, 8, 5, 6)
    assert torch.equal(group_norm(x, layer), layer(x))


def test_the_sums_of_parts_are_the_sums_of_the_whole() -> None:
    torch.manual_seed(0)
    x, layer = random(2, 8, 10, 6) + 5, norm(4, 8)
    parts = pixel_sums(x[:, :, :3]) + pixel_sums(x[:, :, 3:])
    whole = pixel_sums(x)
    assert parts.pixels == whole.pixels == 60
    assert (parts.totals - whole.totals).abs().max() < 1e-9
    assert torch.allclose(affine_of(layer, parts).scale, affine_of(layer, whole).scale)


def test_a_bright_flat_picture_keeps_its_faint_texture() -> None:
    # the mean square and the squared mean differ in their sixth digit
    torch.manual_seed(0)
    layer, x = nn.GroupNorm(1, 4, eps=1e-6), torch.randn(1, 4, 32, 32) * 0.05 + 30
    got = apply_affine(x, affine_of(layer, pixel_sums(x)), activate=False)
    assert (got - expected(x, layer, None, activate=False)).abs().max() < 5e-3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bits_come_back_as_16_bits_and_are_summed_in_more(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer, x = norm(4, 8), (random(1, 8, 64, 64) * 100 + 200).to(dtype)  # squares beyond float16
    got = apply_affine(x, affine_of(layer, pixel_sums(x)), activate=True)
    want = expected(x, layer, None, activate=True)
    assert got.dtype == dtype
    assert (got - want).abs().max() < want.abs().max() * torch.finfo(dtype).eps
    assert pixel_sums(x).totals.dtype == torch.float64


@pytest.mark.parametrize(
    ("device", "dtype"),
    [
        ("cpu", torch.float64),
        ("cuda", torch.float64),
        ("mps", torch.float32),
        ("xpu", torch.float32),
    ],
)
def test_sums_have_64_bits_only_where_every_device_of_a_kind_has_them(
    device: str, dtype: torch.dtype
) -> None:
    assert module._wide_dtype(torch.device(device)) is dtype  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("bias", [True, False])
def test_adding_with_a_bias_adds_all_three(bias: bool) -> None:
    torch.manual_seed(0)
    x, y, b = random(2, 8, 5, 6), random(2, 8, 5, 6), torch.randn(8) if bias else None
    want = x + y + (0 if b is None else b[:, None, None])
    y_before = y.clone()
    assert (add_biased(x, y, b) - want).abs().max() < 1e-6
    assert torch.equal(y, y_before)


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_the_kernels_do_what_they_should_in_tritons_interpreter() -> None:
    # its switch is read when kernels are defined, so this takes a process of its own
    cases = Path(__file__).with_name("interpreted_group_norm.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(cases)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
