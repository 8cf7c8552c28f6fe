"""Stable Diffusion 1.5 and 2.1, and what was distilled from them (no torch in this file)."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.geometry import Size
from scalediff_engine.memory.footprint import Footprint
from scalediff_engine.models.facts import FamilyFacts, StageDefaults
from scalediff_engine.models.few_steps import few_steps

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
        base_bytes=3_000_000_000,
        bytes_per_pixel=1800,
        step_gflop_per_megapixel=2600,
        encode_gflop_per_megapixel=4700,
        decode_gflop_per_megapixel=10000,
    ),
)

SD21 = replace(
    SD15,
    name="sd21",
    title="Stable Diffusion 2.1",
    native=Size(768, 768),
    footprint=replace(SD15.footprint, base_bytes=3_500_000_000),
)
SD21_BASE = replace(
    SD21, name="sd21-base", title="Stable Diffusion 2.1 base", native=Size(512, 512)
)

SD15_LCM = few_steps(SD15, "lcm")
SD15_HYPER = few_steps(SD15, "hyper")
# published as SD-Turbo; it grew out of the 512 pixel form of 2.1
SD21_TURBO = replace(few_steps(SD21_BASE, "turbo"), name="sd21-turbo", title="SD Turbo")
