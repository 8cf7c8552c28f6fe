"""FLUX.1, dev and schnell."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.few_steps import FEW_STEPS_BEST, FEW_STEPS_FAST
from scalediff_engine.spec.family import Effort, FamilyFacts, StageDefaults
from scalediff_engine.spec.footprint import Compiled, Denoiser, Footprint

FLUX_DEV = FamilyFacts(
    name="flux",
    title="FLUX.1 [dev]",
    native=Size(1024, 1024),
    group_norms=False,
    latent_factor=8,
    multiple=16,  # latent factor 8, and latents packed 2x2 into tokens
    train_timesteps=1000,
    stage_table=((StageDefaults(t_start=600, steps=18, guidance=3.5),),),
    t_start_limit=700,
    default_creativity=0.8,
    mixing_lowpass=1 / 4,
    guidance_lowpass=1 / 4,
    default_prompt="a sharp, detailed, high quality photograph, fine texture, crisp edges",
    footprint=Footprint(
        base_bytes=700 * 2**20,
        bytes_per_pixel=0,
        step_gflop_per_megapixel=69_700,
        encode_gflop_per_megapixel=4_700,
        decode_gflop_per_megapixel=10_000,
        # launch and cached seconds are estimates; the rest was measured
        denoiser=Denoiser(
            11_901_408_320,
            11_837_283_328,
            339_831_296,
            step_bytes_per_pixel=438,
            launch_seconds=0.05,
            compiled=Compiled(271, saving=0.21, first_seconds=13, cached_seconds=4),
        ),
    ),
    guided_sigmas=None,  # guidance is a number that the model hears
    base=StageDefaults(t_start=1000, steps=30, guidance=3.5),
    fast=Effort(steps=11, base_steps=20),
    best=Effort(steps=28, base_steps=50),
)

FLUX_SCHNELL = replace(
    FLUX_DEV,
    name="flux-schnell",
    title="FLUX.1 [schnell], four steps a stage",
    stage_table=((StageDefaults(t_start=500, steps=4, guidance=1.0),),),
    base=StageDefaults(t_start=1000, steps=4, guidance=1.0),
    fast=FEW_STEPS_FAST,
    best=FEW_STEPS_BEST,
)
