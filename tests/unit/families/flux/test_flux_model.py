from __future__ import annotations

import math

import pytest
import torch
from diffusers import FluxPipeline
from tiny_flux import SCHEDULER, TINY_FLUX, tiny_parts

from scalediff_engine.base.geometry import Grid, Size
from scalediff_engine.families.flux.model import (
    FluxModel,
    pack,
    schedule_shift,
    token_places,
    unpack,
)
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.pipeline.loop import run_stages
from scalediff_engine.planning.plan import plan_upscale, stage_loads
from scalediff_engine.planning.progress import Meter
from scalediff_engine.planning.settings import Settings

CPU = torch.device("cpu")


def model(*, guidance: bool = True) -> FluxModel:
    return FluxModel(TINY_FLUX, tiny_parts(guidance=guidance), CPU, torch.float32)


def test_tokens_are_packed_as_diffusers_packs_them() -> None:
    z = torch.randn(2, 4, 6, 10)
    packed = pack(z)
    assert torch.equal(packed, FluxPipeline._pack_latents(z, 2, 4, 6, 10))
    assert torch.equal(unpack(packed, 6, 10), z)
    places = FluxPipeline._prepare_latent_image_ids(1, 3, 5, CPU, torch.float32)
    assert torch.equal(token_places(Grid(3, 5), CPU), places)


@pytest.mark.parametrize("guidance", [True, False])
def test_one_evaluation_is_that_of_diffusers(guidance: bool) -> None:
    flux = model(guidance=guidance)
    parts = tiny_parts(guidance=guidance)
    words = flux.condition("a wall", "").positive
    z = torch.randn(1, 16, 8, 8)
    level = flux.schedule.level(600)
    want = parts.denoiser(
        hidden_states=FluxPipeline._pack_latents(z, 1, 16, 8, 8),
        timestep=torch.tensor([level.timestep]) / 1000,
        guidance=torch.tensor([2.5]) if guidance else None,
        pooled_projections=words.pooled,
        encoder_hidden_states=words.tokens,
        txt_ids=torch.zeros(5, 3),
        img_ids=FluxPipeline._prepare_latent_image_ids(1, 4, 4, CPU, torch.float32),
    ).sample
    want = FluxPipeline._unpack_latents(want, 32, 32, 4)
    assert torch.equal(flux.predict(z, level, words, 2.5), want)


def test_guidance_is_heard_only_where_it_was_distilled_in() -> None:
    z = torch.randn(1, 16, 8, 8)
    for guidance in (True, False):
        flux = model(guidance=guidance)
        words = flux.condition("", "").positive
        low, high = (flux.predict(z, flux.schedule.level(500), words, g) for g in (1.0, 8.0))
        assert torch.equal(low, high) is not guidance


def test_a_batch_of_prompts_is_each_of_them() -> None:
    flux = model()
    a, b = (flux.condition(p, "").positive for p in ("bricks", "moss and stone"))
    z, level = torch.randn(1, 16, 16, 16), flux.schedule.level(400)
    with flux.neighborhood_attention(Grid(32, 24)):
        z = torch.randn(1, 16, 32, 24)
        both = flux.predict(z, level, PromptEmbeddings.batched(a, b), 3.5)
        each = torch.cat([flux.predict(z, level, words, 3.5) for words in (a, b)])
    assert (both - each).abs().max() < 1e-5


def test_the_shift_is_that_of_the_native_size_at_every_stage() -> None:
    assert schedule_shift(tiny_parts()) == pytest.approx(SCHEDULER["max_shift"])
    schnell = tiny_parts()
    fixed = {"use_dynamic_shifting": False, "shift": 1.0}
    object.__setattr__(schnell, "scheduler", fixed)
    assert schedule_shift(schnell) == 0
    sigma = model().schedule.level(600).sigma
    assert sigma == pytest.approx(math.exp(1.15) / (math.exp(1.15) + 1 / 0.6 - 1))


def test_two_stages_run_and_repeat() -> None:
    settings = Settings(seed=3)
    plan = plan_upscale(Size(50, 44), Size(150, 132), TINY_FLUX, settings)
    source = torch.rand(1, 3, 44, 50, generator=torch.Generator().manual_seed(1)) * 2 - 1
    pictures: list[torch.Tensor] = []
    for _ in range(2):
        loads = stage_loads(plan, TINY_FLUX, settings)
        meter = Meter(TINY_FLUX.footprint, loads, [s.steps for s in plan.stages], lambda _: None)
        pictures.append(run_stages(source, plan, settings, model(), meter))
    assert len(plan.stages) >= 2
    assert pictures[0].shape == (1, 3, 132, 150)
    assert torch.isfinite(pictures[0]).all()
    assert torch.equal(*pictures)
