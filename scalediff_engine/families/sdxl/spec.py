"""Stable Diffusion XL and what was distilled from it."""

from __future__ import annotations

from dataclasses import replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.few_steps import few_steps
from scalediff_engine.spec.family import Effort, FamilyFacts, StageDefaults
from scalediff_engine.spec.footprint import Compiled, Denoiser, Footprint

SDXL = FamilyFacts(
    name="sdxl",
    title="Stable Diffusion XL",
    native=Size(1024, 1024),
    latent_factor=8,
    multiple=32,  # latent factor 8, and two halvings in the U-Net
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
        step_gflop_per_megapixel=6400,
        encode_gflop_per_megapixel=4700,
        decode_gflop_per_megapixel=10000,
        denoiser=Denoiser(
            2_567_463_684,
            2_185_401_600,
            34_755_840,
            step_bytes_per_pixel=158,
            launch_seconds=0.1,
            compiled=Compiled(133, saving=0.12, first_seconds=6, cached_seconds=3),
        ),
    ),
    # guidance helps in the middle of the noise alone (Kynkäänniemi et al. 2024, arXiv 2404.07724)
    guided_sigmas=(0.28, 5.42),
    base=StageDefaults(t_start=999, steps=50, guidance=7.5),
    fast=Effort(steps=12, base_steps=30),
    best=Effort(steps=30, base_steps=50, guides_always=True),
)

# Stability's own was trained at 512 pixels; what others merged with it makes SDXL's size
SDXL_TURBO = replace(few_steps(SDXL, "turbo"), native=Size(512, 512))
SDXL_TURBO_MERGE = replace(
    few_steps(SDXL, "turbo"), name="sdxl-turbo-merge", title="Stable Diffusion XL with Turbo"
)
SDXL_LIGHTNING = few_steps(SDXL, "lightning")
SDXL_LCM = few_steps(SDXL, "lcm")
SDXL_DMD2 = few_steps(SDXL, "dmd2")
SDXL_HYPER = few_steps(SDXL, "hyper")
