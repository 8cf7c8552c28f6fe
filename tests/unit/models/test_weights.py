"""Weights that come when their block runs: the same result, and nothing left behind."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from scalediff_engine.models.weight_streaming import StreamedWeights

CPU = torch.device("cpu")
WIDTH = 64


class Net(nn.Module):
    """Four blocks and a rest, as denoisers are built."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDTH)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Conv1d(1, 1, 3, padding=1))
            for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net().bfloat16().eval().requires_grad_(False)


def run(net: Net) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        return net(torch.randn(2, 1, WIDTH, generator=generator).bfloat16())


@pytest.mark.parametrize("keeps_copies", [False, True])
@pytest.mark.parametrize("resident_bytes", [None, 0, 40_000, 1 << 30])
def test_wherever_weights_wait_the_result_is_the_same(
    net: Net, resident_bytes: int | None, *, keeps_copies: bool
) -> None:
    expected = run(net)
    weights = StreamedWeights(net, list(net.blocks), CPU)
    weights.place(resident_bytes, keeps_copies=keeps_copies)
    assert torch.equal(run(net), expected)
    weights.evict()
    weights.place(resident_bytes, keeps_copies=keeps_copies)
    assert torch.equal(run(net), expected)


def test_plans_may_follow_each_other_in_any_order(net: Net) -> None:
    expected = run(net)
    weights = StreamedWeights(net, list(net.blocks), CPU)
    for resident_bytes, leaves in [(None, 0), (0, 1), (40_000, 0), (None, 1), (0, 0), (None, 0)]:
        weights.place(resident_bytes)
        assert weights.is_placed(resident_bytes)
        if leaves:
            weights.evict()
            assert not weights.is_placed(resident_bytes)
            weights.place(resident_bytes)
        assert torch.equal(run(net), expected)


def test_less_room_streams_more_blocks(net: Net) -> None:
    total = sum(weight.nbytes for weight in net.parameters())
    streamed: list[int] = []
    for share in (1.0, 0.9, 0.8, 0.0):
        fresh = copy.deepcopy(net)
        weights = StreamedWeights(fresh, list(fresh.blocks), CPU)
        weights.place(int(total * share))
        streamed.append(sum(bool(block._forward_hooks) for block in fresh.blocks))
    assert streamed[0] == 0
    assert streamed == sorted(streamed)
    assert streamed[-1] == 4


def test_eight_bits_keep_half_and_nearly_the_result(net: Net) -> None:
    expected = run(net)
    weights = StreamedWeights(net, list(net.blocks), CPU)
    before = sum(block.kept_bytes for block in weights._blocks)
    for resident_bytes in (None, 0):
        weights.place(resident_bytes, bits=8)
        result = run(net)
        error = (result - expected).float().norm() / expected.float().norm()
        assert 0 < error < 0.02
    after = sum(block.kept_bytes for block in weights._blocks)
    assert after < 0.7 * before  # these blocks are small; biases and scales count


def test_eight_bit_weights_are_nowhere_in_sixteen_between_runs(net: Net) -> None:
    weights = StreamedWeights(net, list(net.blocks), CPU)
    weights.place(None, bits=8)
    run(net)
    assert all(block[0].weight.numel() == 0 for block in net.blocks)  # type: ignore[index]


def test_a_block_that_failed_half_way_runs_again(net: Net) -> None:
    expected = run(net)
    weights = StreamedWeights(net, list(net.blocks), CPU)
    weights.place(0)
    failing = net.blocks[2].register_forward_pre_hook(_fail)
    with pytest.raises(torch.OutOfMemoryError):
        run(net)
    failing.remove()
    assert torch.equal(run(net), expected)


def _fail(*_: object) -> None:
    raise torch.OutOfMemoryError("out of memory")
