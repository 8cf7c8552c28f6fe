"""What only a real device shows: kernels, streamed weights, compiled code, memory that runs out."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_model import TINY
from torch import Tensor, nn
from torch.nn.functional import silu
from unit.method.npa_reference import (
    joint_reference,
    mask_of,
    masked_attention,
    rotary_table,
    tokens,
    turned,
)

from scalediff_engine.base.geometry import Grid, Offset, Size
from scalediff_engine.families.embedded.model import load_embedded
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method import npa
from scalediff_engine.method.kernel import has_kernel
from scalediff_engine.models.group_norm import affine_of, apply_affine, group_norm, pixel_sums
from scalediff_engine.models.placement import compile_blocks
from scalediff_engine.models.weight_streaming import StreamedWeights
from scalediff_engine.pipeline.loop import run_stages
from scalediff_engine.pipeline.oom_retry import OomRetry
from scalediff_engine.planning.plan import plan_upscale, stage_loads
from scalediff_engine.planning.progress import Meter
from scalediff_engine.planning.settings import Settings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA or ROCm device"),
]
DEVICE = torch.device("cuda")
HALVES = [torch.float16, torch.bfloat16]
# rows and columns of the grid and of the window, and the offset
GRIDS = [
    pytest.param((32, 32), (16, 16), (0, 0), id="no jitter"),
    pytest.param((33, 47), (16, 16), (3, 5), id="jitter on an odd grid"),
    pytest.param((40, 30), (20, 14), (9, 2), id="a window of 280 keys"),
    pytest.param((12, 50), (16, 16), (7, 7), id="lower than the window"),
]
Pair = tuple[int, int]


def random(seed: int, *shape: int, dtype: torch.dtype) -> Tensor:
    return tokens(torch.Generator().manual_seed(seed), *shape).to(dtype)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("depth", [32, 64, 128])
@pytest.mark.parametrize(("grid", "window", "offset"), GRIDS)
def test_the_attention_kernel_equals_masked_attention(
    grid: Pair, window: Pair, offset: Pair, depth: int, dtype: torch.dtype
) -> None:
    size, view, shift = Grid(*grid), Grid(*window), Offset(*offset)
    query, key, value = (random(seed, 2, 2, size.cells, depth, dtype=dtype) for seed in range(3))
    on_device = [t.to(DEVICE) for t in (query, key, value)]
    assert has_kernel(on_device[0])
    out = npa.neighborhood_patch_attention(*on_device, grid=size, window=view, offset=shift)
    expected = masked_attention(query, key, value, mask_of(size, view, shift))
    assert (out.cpu() - expected).abs().max() < 4 * torch.finfo(dtype).eps


@pytest.mark.parametrize("words", [5, 77, 300])
def test_the_kernel_of_joint_attention_equals_its_reference(words: int) -> None:
    size, view, shift, depth, dtype = Grid(18, 13), Grid(8, 8), Offset(3, 1), 64, torch.bfloat16
    cos, sin = rotary_table(size, depth)
    image = [random(seed, 1, 2, size.cells, depth, dtype=torch.float32) for seed in range(3)]
    image = [*(turned(t, cos, sin).to(dtype) for t in image[:2]), image[2].to(dtype)]
    text = [random(seed, 1, 2, words, depth, dtype=dtype) for seed in range(3, 6)]
    query, key, value, *of_text = (t.to(DEVICE) for t in (*image, *text))
    assert has_kernel(query)
    out, text_out = npa.joint_neighborhood_patch_attention(
        query, key, value,
        text_query=of_text[0], text_key=of_text[1], text_value=of_text[2],
        displacement=(cos.to(DEVICE), sin.to(DEVICE)), grid=size, window=view, offset=shift,
    )  # fmt: skip
    expected, text_expected = joint_reference(
        (image[0], image[1], image[2]), (text[0], text[1], text[2]), (cos, sin), size, view, shift
    )
    tolerance = 4 * torch.finfo(dtype).eps
    assert (out.cpu() - expected).abs().max() < tolerance
    assert (text_out.cpu() - text_expected).abs().max() < tolerance


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32], ids=str)
@pytest.mark.parametrize("shape", [(2, 32, 16, 16), (1, 320, 65, 33), (1, 64, 128, 200)])
def test_group_norm_equals_its_definition(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    layer = nn.GroupNorm(32, shape[1]).to(dtype).requires_grad_(False)
    nn.init.normal_(layer.weight, 1, 0.5)
    x = random(1, *shape, dtype=dtype)
    want = silu(copy.deepcopy(layer).double()(x.double()))
    on_device, x = layer.to(DEVICE), x.to(DEVICE)
    at_once = group_norm(x, on_device, activate=True)
    in_two_moves = apply_affine(x, affine_of(on_device, pixel_sums(x)), activate=True)
    tolerance = want.abs().max() * max(torch.finfo(dtype).eps, 1e-5)
    assert (at_once.cpu() - want).abs().max() < tolerance
    assert (in_two_moves.cpu() - want).abs().max() < tolerance


def blocks() -> nn.Sequential:
    torch.manual_seed(0)
    one = (nn.Sequential(nn.Linear(256, 256), nn.SiLU(), nn.LayerNorm(256)) for _ in range(6))
    return nn.Sequential(*one).to(torch.bfloat16).eval().requires_grad_(False)


def test_weights_that_come_from_main_memory_give_the_same_result() -> None:
    net, x = blocks(), random(1, 4, 256, dtype=torch.bfloat16).to(DEVICE)
    weights = StreamedWeights(net, list(net), DEVICE)
    results: list[Tensor] = []
    with torch.inference_mode():
        for resident_bytes in (None, 0, 300_000):
            weights.place(resident_bytes)
            results.append(net(x))
    assert torch.equal(results[1], results[0])
    assert torch.equal(results[2], results[0])


def test_every_memory_plan_gives_the_same_picture(tiny_folder: Path) -> None:
    model, settings = load_embedded(TINY, DEVICE, tiny_folder), Settings(steps=3, seed=7)
    source = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1
    plan = plan_upscale(Size(64, 48), Size(200, 160), model.facts, settings)

    def upscaled(memory: MemoryPlan) -> Tensor:
        loads = stage_loads(plan, model.facts, settings)
        steps = [stage.steps for stage in plan.stages]
        meter = Meter(model.facts.footprint, loads, steps, lambda _: None)
        chosen = replace(plan, memory=(memory,))
        return run_stages(source.to(DEVICE), chosen, settings, model, meter).float().cpu()

    expected = upscaled(MemoryPlan())
    for memory in (MemoryPlan(resident_bytes=0), MemoryPlan(0, 100_000, 0, 0)):
        assert (upscaled(memory) - expected).norm() / expected.norm() < 0.02


def cache_misses() -> int:
    from torch._dynamo.utils import counters

    graphs, forms = counters["inductor"], counters["aot_autograd"]
    return graphs["fxgraph_cache_miss"] + forms["autograd_cache_miss"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_blocks_equal_eager_ones_and_are_read_from_the_cache_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    dynamo: Any = torch._dynamo
    x = random(1, 4, 256, dtype=torch.bfloat16).to(DEVICE)

    def compiled() -> Tensor:
        dynamo.reset()
        net = blocks().to(DEVICE)
        compile_blocks(net)
        with dynamo.config.patch(suppress_errors=False), torch.inference_mode():
            return net(x)

    with dynamo.config.patch(suppress_errors=False):
        with torch.inference_mode():
            eager = blocks().to(DEVICE)(x)
        before = cache_misses()
        first = compiled()
        missed = cache_misses()
        assert missed > before
        again = compiled()
    assert cache_misses() == missed
    assert torch.equal(again, first)
    assert (first - eager).abs().max() < 16 * torch.finfo(torch.bfloat16).eps


def test_a_plan_that_is_too_large_is_followed_by_a_smaller_one(tiny_folder: Path) -> None:
    model = load_embedded(TINY, DEVICE, tiny_folder)
    attempts = OomRetry(model, [MemoryPlan(), MemoryPlan(vae_bytes=1_000_000)])
    whole = torch.cuda.get_device_properties(DEVICE).total_memory
    tried: list[MemoryPlan] = []

    def work(plan: MemoryPlan) -> Tensor:
        tried.append(plan)
        held = [torch.empty(2**20, dtype=torch.uint8, device=DEVICE)]
        if plan.vae_bytes is None:
            held.append(torch.empty(2 * whole, dtype=torch.uint8, device=DEVICE))
        return held[-1]

    before = torch.cuda.memory_allocated(DEVICE)
    result = attempts.run(work)
    assert tried == [MemoryPlan(), MemoryPlan(vae_bytes=1_000_000)]
    assert result.numel() == 2**20
    assert torch.cuda.memory_allocated(DEVICE) - before <= 2 * 2**20
