"""Layers in strips of rows against the same layers over the whole picture."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, silu
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from scalediff_engine.models import row_buffer, row_strip_layers
from scalediff_engine.models.row_strip_layers import (
    Convolution,
    Downsample,
    GlobalLayer,
    Layer,
    Residual,
    Upsample,
    run_layers,
)

Step = tuple[Layer | GlobalLayer, Callable[[Tensor], Tensor]]  # a layer, and what it should do
KINDS = (
    *("convolution", "normed", "residual", "widening", "narrowing"),
    *("doubling", "halving", "whole"),
)


def norm(channels: int) -> nn.GroupNorm:
    layer = nn.GroupNorm(channels // 2, channels)
    nn.init.normal_(layer.weight, 1, 0.3)
    nn.init.normal_(layer.bias, 0, 0.3)
    return layer


def step(kind: str, channels: int) -> tuple[Step, int]:
    """A random layer, and how many channels it gives."""
    out = channels
    if kind == "widening" and channels < 16:
        out = 2 * channels
    if kind == "narrowing" and channels > 2:
        out = channels // 2
    conv = nn.Conv2d(channels, out, 3, padding=1)
    if kind == "convolution":
        return (Convolution(conv), conv), out
    if kind == "normed":
        before = norm(channels)
        return (Convolution(conv, before), lambda x: conv(silu(before(x)))), out
    if kind == "doubling":
        return (Upsample(conv), lambda x: conv(interpolate(x, scale_factor=2.0))), out
    if kind == "halving":
        half = nn.Conv2d(channels, out, 3, stride=2)
        return (Downsample(half), lambda x: half(pad(x, (0, 1, 0, 1)))), out
    if kind == "whole":
        return (GlobalLayer(lambda x: x - x.mean()), lambda x: x - x.mean()), out
    norms, second = (norm(channels), norm(out)), nn.Conv2d(out, out, 3, padding=1)
    shortcut = nn.Conv2d(channels, out, 1) if out != channels else None

    def residual(x: Tensor) -> Tensor:
        h = second(silu(norms[1](conv(silu(norms[0](x))))))
        return h + (x if shortcut is None else shortcut(x))

    return (Residual(norms[0], conv, norms[1], second, shortcut), residual), out


def network(kinds: list[str], seed: int = 0) -> list[Step]:
    torch.manual_seed(seed)
    steps, channels = [], 4
    for kind in kinds:
        one, channels = step(kind, channels)
        steps.append(one)
    return steps


def picture(rows: int, cols: int) -> Tensor:
    x = torch.randn(1, 4, rows, cols, generator=torch.Generator().manual_seed(3))
    # darker at the bottom: a strip's own statistics are not the picture's
    x += torch.linspace(3, -3, rows)[:, None]
    return x.contiguous(memory_format=torch.channels_last)


def whole(steps: list[Step], x: Tensor) -> Tensor:
    for _, function in steps:
        x = function(x)
    return x


@settings(max_examples=120, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=6).filter(
        lambda kinds: kinds.count("doubling") <= 2 and kinds.count("halving") <= 2
    ),
    rows=st.integers(4, 50),
    cols=st.integers(4, 12),
    working_bytes=st.none() | st.integers(0, 60_000),
    slab_count=st.integers(1, 100),
    seed=st.integers(0, 99),
)
def test_any_layers_in_strips_are_those_layers_over_the_whole(
    kinds: list[str], rows: int, cols: int, working_bytes: int | None, slab_count: int, seed: int
) -> None:
    steps, x = network(kinds, seed), picture(rows, cols)
    before = x.clone()
    with torch.inference_mode(), patch.object(row_buffer, "_SLABS", slab_count):
        got = run_layers([layer for layer, _ in steps], x, working_bytes)
        want = whole(steps, x)
    assert got.shape == want.shape
    assert (got - want).abs().max() < 1e-4 * want.abs().max().clamp_min(1)
    assert torch.equal(x, before)


DECODER = ["residual", "whole", "residual", "doubling", "residual", "widening", "residual"]
DECODER += ["doubling", "residual", "normed"]


def test_strips_of_a_network_have_no_seams() -> None:
    steps = network(DECODER)
    with torch.inference_mode():
        error = run_layers([layer for layer, _ in steps], picture(40, 9), 0)
        error -= whole(steps, picture(40, 9))
    assert error.abs().amax((0, 1, 3)).max() < 1e-5  # of each row


class Live(TorchDispatchMode):
    """Bytes of all tensors that were made meanwhile, at their most; the input was there before."""

    def __init__(self, given: Tensor) -> None:
        super().__init__()
        self.now = self.peak = 0
        given.untyped_storage()._watched = True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, list | tuple) else [out]:
            if isinstance(tensor, Tensor):
                self._watch(tensor.untyped_storage())
        return out

    def _watch(self, storage: Any) -> None:
        if hasattr(storage, "_watched"):
            return
        storage._watched = True
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, size)

    def _gone(self, size: int) -> None:
        self.now -= size


@pytest.mark.parametrize("working_bytes", [4_000_000, 2_000_000, 1_000_000])
def test_no_more_memory_is_used_than_allowed(working_bytes: int) -> None:
    layers, x = [layer for layer, _ in network(DECODER)], picture(64, 64)
    with torch.inference_mode(), Live(x) as live:
        out = run_layers(layers, x, working_bytes)
    assert live.peak - out.nbytes <= working_bytes


def test_a_residual_block_that_does_not_fit_keeps_no_middle() -> None:
    ((block, _), _), x = step("residual", 4), picture(256, 64)
    with torch.inference_mode(), Live(x) as live:
        out = run_layers([block], x, 200_000)
    assert out.nbytes > 200_000  # and so would be the middle
    assert live.peak - out.nbytes <= 200_000


@pytest.mark.parametrize(
    ("working", "peak"),
    [
        pytest.param(4.2, 3.0, id="beside its middle"),
        pytest.param(1.5, 1.5, id="slab by slab"),
    ],
)
def test_a_residual_block_takes_the_place_of_its_input(working: float, peak: float) -> None:
    kinds = ["convolution", "residual", "residual", "halving", "halving"]
    layers, x = [layer for layer, _ in network(kinds)], picture(1024, 16)
    with torch.inference_mode(), Live(x) as live:
        run_layers(layers, x, int(working * x.nbytes))
    assert live.peak < peak * x.nbytes


def test_the_output_does_not_count() -> None:
    ((block, function), _), x = step("residual", 4), picture(1024, 16)
    with torch.inference_mode():
        with FlopCounterMode(display=False) as once:
            function(x)
        with Live(x) as live, FlopCounterMode(display=False) as flops:
            out = run_layers([block], x, int(1.5 * x.nbytes))  # the middle, and strips
    assert live.peak - out.nbytes < 1.5 * x.nbytes
    assert flops.get_total_flops() < 1.1 * once.get_total_flops()


# Layers, the bytes that are kept at most in units of the input's, and how often all is computed.
KEPT_IN_SLABS = {
    "its source goes while a picture comes": (
        ["convolution", "doubling", "residual", "normed", "halving", "halving"],
        4,
        1.35,
    ),
    "and while a smaller one comes": (
        ["doubling", "residual", "halving", "residual", "halving", "residual", "halving"],
        4,
        1.35,
    ),
    "and so does the middle of a residual block": (
        ["convolution", "widening", "halving", "halving"],
        1 + 2,
        1.1,
    ),
    "which is kept beside a source further away": (
        ["convolution", "doubling", "narrowing", "halving", "halving"],
        1 + 2,
        2.2,
    ),
}


@pytest.mark.parametrize(("rows", "cols"), [(640, 16), (643, 13)])
@pytest.mark.parametrize(("kinds", "kept", "times"), KEPT_IN_SLABS.values(), ids=KEPT_IN_SLABS)
def test_little_more_is_alive_than_what_is_needed(
    kinds: list[str], kept: int, times: float, rows: int, cols: int
) -> None:
    steps, x = network(kinds), picture(rows, cols)
    layers = [layer for layer, _ in steps]
    working_bytes = int(1.18 * kept * x.nbytes)
    with torch.inference_mode():
        with FlopCounterMode(display=False) as once:
            want = whole(steps, x)
        with Live(x) as live, FlopCounterMode(display=False) as flops:
            got = run_layers(layers, x, working_bytes)
    assert (got - want).abs().max() < 1e-4
    assert live.peak - got.nbytes <= working_bytes
    assert flops.get_total_flops() < times * once.get_total_flops()


def test_all_of_a_picture_at_once_takes_more_memory() -> None:
    layers, x = [layer for layer, _ in network(DECODER)], picture(64, 64)
    with torch.inference_mode(), Live(x) as live:
        out = run_layers(layers, x, None)
    assert live.peak - out.nbytes > 4_000_000


class Heights(nn.Conv2d):
    """A convolution that remembers how high the pictures were that it saw."""

    def forward(self, x: Tensor) -> Tensor:
        self.seen = [*getattr(self, "seen", []), x.shape[2]]
        return super().forward(x)


def test_strips_stay_below_what_a_convolutions_index_can_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conv, x = Heights(4, 4, 3, padding=1), picture(60, 10)
    monkeypatch.setattr(row_strip_layers, "_MOST_ELEMENTS", 4 * 10 * 20)
    with torch.inference_mode():
        got = run_layers([Convolution(conv)], x, None)
        assert conv.seen == [21, 22, 21]
        assert (got - conv(x)).abs().max() < 1e-5


def test_a_residual_block_that_fits_runs_each_convolution_once() -> None:
    first, second = Heights(4, 4, 3, padding=1), Heights(4, 4, 3, padding=1)
    block = Residual(norm(4), first, norm(4), second, None)
    with torch.inference_mode():
        run_layers([block], picture(30, 10), None)
    assert (first.seen, second.seen) == ([30], [30])
