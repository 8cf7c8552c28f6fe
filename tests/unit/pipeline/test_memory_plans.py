"""The same picture under every memory plan, also when memory runs out on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.base.geometry import Size
from scalediff_engine.families import registry as families
from scalediff_engine.families.flux.model import FluxModel
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline import upsampling
from scalediff_engine.pipeline.loop import run_stages
from scalediff_engine.planning.plan import Plan, plan_upscale, stage_loads
from scalediff_engine.planning.progress import Meter
from scalediff_engine.planning.settings import Settings
from tests.tiny_flux import TINY_FLUX, tiny_parts
from tests.tiny_sd import shared

CPU = torch.device("cpu")
SOURCE = Size(64, 48)
TARGET = Size(200, 160)

ROOMY = MemoryPlan()
SMALLEST = MemoryPlan(0, 100_000, 0, 0)
PLANS = [
    MemoryPlan(batch_pixels=0),
    MemoryPlan(batch_pixels=2 * 64 * 64),
    MemoryPlan(vae_bytes=200_000),
    MemoryPlan(alone_above=0),
    MemoryPlan(alone_above=64 * 64),
    MemoryPlan(resident_bytes=0),
    SMALLEST,
]


def make_sdxl(folder: pytest.TempPathFactory) -> Model:
    model = families.load(str(shared(folder, "sdxl")), "cpu")
    model.facts = replace(model.facts, native=Size(64, 64))
    return model


def make_flux(_: pytest.TempPathFactory) -> Model:
    return FluxModel(TINY_FLUX, tiny_parts(), CPU, torch.float32)


@pytest.fixture(scope="module", params=[make_sdxl, make_flux], ids=["sdxl", "flux"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return request.param(tmp_path_factory)


SETTINGS = Settings(steps=3, seed=7, guidance=3.0)


def planned(model: Model, *memory: MemoryPlan) -> Plan:
    plan = plan_upscale(SOURCE, TARGET, model.facts, SETTINGS)
    assert len(plan.stages) > 1
    return replace(plan, memory=memory)


def upscaled(model: Model, plan: Plan) -> Tensor:
    source = torch.rand(1, 3, *reversed(SOURCE), generator=torch.Generator().manual_seed(3)) * 2 - 1
    loads = stage_loads(plan, model.facts, SETTINGS)
    steps = [stage.steps for stage in plan.stages]
    meter = Meter(model.facts.footprint, loads, steps, lambda _: None)
    return run_stages(source, plan, SETTINGS, model, meter)


@pytest.fixture(scope="module")
def expected(model: Model) -> Tensor:
    return upscaled(model, planned(model, ROOMY))


@pytest.mark.parametrize("memory", PLANS, ids=str)
def test_every_plan_gives_the_same_picture(
    model: Model, expected: Tensor, memory: MemoryPlan
) -> None:
    torch.testing.assert_close(upscaled(model, planned(model, memory)), expected, rtol=0, atol=2e-4)


def test_eight_bits_give_nearly_the_same_picture(tmp_path_factory: pytest.TempPathFactory) -> None:
    model = make_sdxl(tmp_path_factory)
    expected = upscaled(model, planned(model, ROOMY))
    result = upscaled(model, planned(model, MemoryPlan(weight_bits=8)))
    error = (result - expected).norm() / expected.norm()
    assert 0 < error < 0.02


@pytest.mark.parametrize("call", [0, 1, 3])
@pytest.mark.parametrize("phase", ["encode", "predict", "decode"])
def test_memory_that_runs_out_costs_a_piece_of_work_and_nothing_else(
    model: Model, expected: Tensor, phase: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = failing(model, phase, lambda number: number == call, monkeypatch)
    result = upscaled(model, planned(model, ROOMY, SMALLEST))
    assert calls() > call or phase != "predict"
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-4)


def test_memory_that_never_suffices_ends_with_a_sentence(
    model: Model, expected: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing(model, "predict", lambda number: number >= 2, patch)
        with pytest.raises(NotEnoughMemory, match="even under the smallest plan"):
            upscaled(model, planned(model, ROOMY, SMALLEST))
    # and the model is as good as before
    torch.testing.assert_close(upscaled(model, planned(model, ROOMY)), expected, rtol=0, atol=2e-4)


def failing(
    model: Model, phase: str, fails: Callable[[int], bool], patch: pytest.MonkeyPatch
) -> Callable[[], int]:
    """Have a method of the model fail in the midst of its work; gives how often it was called."""
    original = getattr(model, phase)
    count = 0

    def fail(*args: Any, **kwargs: Any) -> Tensor:
        nonlocal count
        result = original(*args, **kwargs)
        count += 1
        if fails(count - 1):
            raise torch.OutOfMemoryError(f"CUDA out of memory in {phase}")
        return result

    patch.setattr(model, phase, fail)
    return lambda: count


def test_memory_that_runs_out_while_a_picture_is_enlarged_costs_nothing_else(
    model: Model, expected: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    resize, calls = upsampling.resize_canvas, 0

    def failing_once(*args: Any) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise torch.OutOfMemoryError("out of memory")
        return resize(*args)

    monkeypatch.setattr(upsampling, "resize_canvas", failing_once)
    result = upscaled(model, planned(model, ROOMY, SMALLEST))
    assert calls == 2
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-4)
