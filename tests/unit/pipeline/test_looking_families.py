"""Windows with models of every kind: nothing in their adapters knows of windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_flux import TINY_FLUX, tiny_parts
from tiny_sd import TINY_SDXL, checkpoint_of, load_parts, shared

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.families.flux.model import FluxModel
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.images.picture import Picture
from scalediff_engine.memory.plan import UNLIMITED, MemoryPlan
from scalediff_engine.models import group_norm
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.settings import Attention, Settings

CPU = torch.device("cpu")
WINDOW = Box(250, 301, 331, 340)


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> UNetModel:
    checkpoint = checkpoint_of(shared(tmp_path_factory, "sdxl"), "sdxl")
    return UNetModel(TINY_SDXL, load_parts(checkpoint, torch.float32), CPU, torch.float32)


@pytest.fixture(scope="module")
def flux() -> FluxModel:
    return FluxModel(TINY_FLUX, tiny_parts(), CPU, torch.float32)


@pytest.fixture
def picture() -> Picture:
    noise = np.random.default_rng(0).random((128, 128, 3), np.float32)
    return Picture(0.4 + 0.2 * noise)


def run(
    model: Any,
    picture: Picture,
    window: Box | None = WINDOW,
    memory: MemoryPlan = UNLIMITED,
    **settings: Any,
) -> np.ndarray[Any, Any]:
    wanted = Settings(steps=1, **settings)
    plan = plan_upscale(picture.size, picture.size.scaled(4), model.facts, wanted, None, window)
    plan = replace(plan, memory=(memory,))
    if window is not None:
        assert plan.stages[-1].part is not None
    return upscale(picture, plan, wanted, model, lambda _: None).pixels


@pytest.mark.parametrize("kind", ["sdxl", "flux"])
@pytest.mark.parametrize(
    "attention",
    [
        Attention.NPA,
        pytest.param(Attention.DIRECT, marks=pytest.mark.slow),
        pytest.param(Attention.MULTIDIFFUSION, marks=pytest.mark.slow),
    ],
)
def test_a_window_has_its_size_and_the_same_bytes_each_time(
    request: pytest.FixtureRequest, kind: str, attention: Attention, picture: Picture
) -> None:
    model = request.getfixturevalue(kind)
    first = run(model, picture, attention=attention)
    assert first.shape == (39, 81, 3)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, run(model, picture, attention=attention))


def test_guidance_as_a_batch_or_one_after_the_other_is_the_same(
    sdxl: UNetModel, picture: Picture
) -> None:
    settings: dict[str, Any] = {"guidance": 3.0, "prompt": "sharp", "negative": "street"}
    together = run(sdxl, picture, **settings)
    apart = run(sdxl, picture, memory=MemoryPlan(batch_pixels=0), **settings)
    np.testing.assert_allclose(together, apart, atol=2e-3)
    assert np.abs(together - run(sdxl, picture, guidance=1.0)).max() > 1e-3


def test_memory_that_runs_out_in_the_middle_changes_nothing(
    sdxl: UNetModel, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics of half an evaluation are not taken for those of the next attempt."""
    expected = run(sdxl, picture, guidance=3.0)
    settle, calls = group_norm.settled, 0

    def failing_once(mean: Any, variance: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise MemoryError
        return settle(mean, variance)

    monkeypatch.setattr(group_norm, "settled", failing_once)
    wanted = Settings(steps=1, guidance=3.0)
    plan = plan_upscale(picture.size, picture.size.scaled(4), sdxl.facts, wanted, None, WINDOW)
    found = upscale(
        picture, replace(plan, memory=(UNLIMITED, UNLIMITED)), wanted, sdxl, lambda _: None
    )
    assert calls > 5
    np.testing.assert_array_equal(found.pixels, expected)


def test_a_model_without_group_normalisation_needs_no_sample(
    flux: FluxModel, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[Size] = []
    predict = FluxModel.predict

    def watched(self: FluxModel, z: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.append(Size(z.shape[-1], z.shape[-2]))
        assert len(z) == 1
        return predict(self, z, *rest)

    monkeypatch.setattr(FluxModel, "predict", watched)
    run(flux, picture)
    assert len(sizes) == len(
        plan_upscale(Size(128, 128), Size(512, 512), TINY_FLUX, Settings()).stages
    )
