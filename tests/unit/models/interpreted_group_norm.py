"""The kernels of group norm in Triton's interpreter; ``test_group_norm`` runs them by themselves.

A GPU is what they are for, so here a tensor on the CPU has to pass for one on a GPU.
"""

from __future__ import annotations

import pytest
import torch
from diffusers.models.resnet import ResnetBlock2D
from test_group_norm import expected, norm, random
from torch import Tensor

from scalediff_engine.families.unet.fast_unet import resnet_forward
from scalediff_engine.models import group_norm as module


@pytest.fixture(autouse=True)
def with_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_kernels", lambda _: True)
    monkeypatch.setattr(module, "_ROWS_A_PROGRAM", 128)  # the interpreter is slow
    torch.manual_seed(0)


def channels_last(*shape: int) -> Tensor:
    return random(*shape).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("added", "activate"), [(True, True), (False, False)])
@pytest.mark.parametrize(
    ("batch", "groups", "channels", "rows", "cols"),
    [
        pytest.param(1, 4, 8, 5, 7, id="less than a block"),
        pytest.param(2, 4, 64, 8, 8, id="whole blocks"),
        pytest.param(3, 5, 80, 3, 11, id="more channels than a block"),
        pytest.param(2, 2, 8, 13, 14, id="more pixels than a program"),
    ],
)
def test_normalising(
    batch: int, groups: int, channels: int, rows: int, cols: int, added: bool, activate: bool
) -> None:
    layer, x = norm(groups, channels), channels_last(batch, channels, rows, cols)
    # as from an expanded bias, which lies in memory only once
    add = torch.randn(channels).expand(batch, -1) if added else None
    got = module.group_norm(x, layer, add=add, activate=activate)
    assert (got - expected(x, layer, add, activate=activate)).abs().max() < 1e-4
    assert got.is_contiguous(memory_format=torch.channels_last)


def test_every_item_of_a_batch_has_its_own_addend_and_statistics() -> None:
    layer, x = norm(4, 8), channels_last(2, 8, 6, 6)
    add = torch.randn(2, 8) * 3
    got = module.group_norm(x, layer, add=add)
    assert (got - expected(x, layer, add, activate=False)).abs().max() < 1e-4


def test_sums_are_those_of_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    x, add = channels_last(2, 70, 16, 17), torch.randn(2, 70)
    by_kernel = module.pixel_sums(x, add)
    monkeypatch.setattr(module, "_has_kernels", lambda _: False)
    plain = module.pixel_sums(x, add)
    assert by_kernel.pixels == plain.pixels
    assert by_kernel.totals.dtype == plain.totals.dtype
    assert torch.allclose(by_kernel.totals, plain.totals, rtol=1e-5, atol=1e-2)


def test_16_bits_come_back_as_16_bits() -> None:
    layer, x = norm(4, 8), channels_last(1, 8, 16, 16).half()
    got = module.group_norm(x, layer, activate=True)
    want = expected(x, layer, None, activate=True)
    assert got.dtype == torch.float16
    assert (got - want).abs().max() < want.abs().max() * 1e-3


@pytest.mark.parametrize("shape", [(1, 8, 5, 7), (2, 80, 8, 8), (3, 64, 3, 11)])
def test_adding_with_a_bias(shape: tuple[int, ...]) -> None:
    x, y, bias = channels_last(*shape), channels_last(*shape), torch.randn(shape[1])
    want = x + y + bias[:, None, None]
    assert module.add_biased(x, y, bias) is x
    assert (x - want).abs().max() < 1e-6


def test_a_residual_block_of_the_u_net() -> None:
    block = ResnetBlock2D(in_channels=8, out_channels=16, temb_channels=6, groups=4)
    block = block.requires_grad_(False).to(memory_format=torch.channels_last)
    x, temb = channels_last(2, 8, 6, 5), torch.randn(2, 6)
    before = x.clone()
    assert (resnet_forward(block, x, temb) - block(x, temb)).abs().max() < 1e-5
    assert torch.equal(x, before)
