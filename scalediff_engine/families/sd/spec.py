"""Stable Diffusion 1.5 and 2.1, and what was distilled from them."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.few_steps import few_steps
from scalediff_engine.spec.family import Effort, FamilyFacts, StageDefaults
from scalediff_engine.spec.footprint import Compiled, Denoiser, Footprint

SD15 = FamilyFacts(
    name="sd15",
    title="Stable Diffusion 1.5",
    native=Size(512, 512),
    latent_factor=8,
    multiple=64,  # latent factor 8, and three halvings in the U-Net
    train_timesteps=1000,
    stage_table=((StageDefaults(t_start=400, steps=20, guidance=7.5),),),
    t_start_limit=500,
    default_creativity=0.8,
    mixing_lowpass=1 / 8,
    guidance_lowpass=1 / 8,
    default_prompt="sharp, finely detailed photograph, natural textures, high resolution",
    footprint=Footprint(
        base_bytes=700 * 2**20,
        bytes_per_pixel=0,
        step_gflop_per_megapixel=2600,
        encode_gflop_per_megapixel=4700,
        decode_gflop_per_megapixel=10000,
        # bytes, seconds and saving are SDXL's scaled down, not measured
        denoiser=Denoiser(
            859_520_964,
            242_408_640,
            31_479_040,
            step_bytes_per_pixel=140,
            launch_seconds=0.04,
            compiled=Compiled(120, saving=0.12, first_seconds=5, cached_seconds=3),
        ),
    ),
    base=StageDefaults(t_start=999, steps=50, guidance=7.5),
    fast=Effort(steps=12, base_steps=30),
    best=Effort(steps=30, base_steps=50, guides_always=True),
)

SD21 = replace(
    SD15,
    name="sd21",
    title="Stable Diffusion 2.1",
    native=Size(768, 768),
    footprint=replace(
        SD15.footprint,
        denoiser=Denoiser(
            865_910_724,
            248_798_400,
            32_134_400,
            step_bytes_per_pixel=140,
            launch_seconds=0.04,
            compiled=Compiled(120, saving=0.12, first_seconds=5, cached_seconds=3),
        ),
    ),
)
SD21_BASE = replace(
    SD21, name="sd21-base", title="Stable Diffusion 2.1 base", native=Size(512, 512)
)

SD15_LCM = few_steps(SD15, "lcm")
SD15_HYPER = few_steps(SD15, "hyper")
# published as SD-Turbo; it grew out of the 512 pixel form of 2.1
SD21_TURBO = replace(few_steps(SD21_BASE, "turbo"), name="sd21-turbo", title="SD Turbo")
