"""Stable Diffusion 1.5, and what was distilled from it."""

from __future__ import annotations

from pathlib import Path

from scalediff_engine.base.geometry import Size
from scalediff_engine.families import tokenizers
from scalediff_engine.families.few_steps import few_steps, form_of
from scalediff_engine.families.unet import recognition as unet
from scalediff_engine.spec.checkpoint import Checkpoint, FileContents, Recognition, Variant
from scalediff_engine.spec.family import (
    Catalog,
    CatalogEntry,
    FamilyFacts,
    FamilySpec,
    PresetSteps,
    ShippedSettings,
    StageDefaults,
)
from scalediff_engine.spec.footprint import Compiled, Denoiser, Footprint

_TEXT_WIDTH = 768  # CLIP L

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
    fast=PresetSteps(steps=12, base_steps=30),
    best=PresetSteps(steps=30, base_steps=50, guides_always=True),
)

SD15_LCM = few_steps(SD15, "lcm")
SD15_HYPER = few_steps(SD15, "hyper")
_FORMS = (SD15, SD15_LCM, SD15_HYPER)


def _facts_of(checkpoint: Checkpoint, variant: Variant) -> FamilyFacts:
    return form_of(SD15, variant, _FORMS, hears=checkpoint.guidance_embedded)


def _recognize_file(contents: FileContents) -> Recognition | None:
    network = unet.unet_in_file(contents, _TEXT_WIDTH)
    if network is None:
        return None
    unet.refuse_unclip(contents)
    return unet.described_file(contents, network)


_HUB_ID = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_RAIL_M = "CreativeML Open RAIL-M"

SPEC = FamilySpec(
    name="sd15",
    title="Stable Diffusion 1.5",
    forms=_FORMS,
    loader="scalediff_engine.families.unet.loader:SD_LOADER",
    facts_of=_facts_of,
    denoiser="unet",
    text_encoders=("text_encoder",),
    prefixes={
        "vae": unet.VAE_PREFIXES,
        "text_encoder": ("cond_stage_model.transformer.",),
    },
    pipelines=unet.PIPELINES | unet.LCM_PIPELINES,
    shipped={
        "base": ShippedSettings(
            Path(__file__).parent / "configs", (tokenizers.CLIP,), (77, _TEXT_WIDTH, 0)
        )
    },
    vae_safe_in_float16=True,
    recognize_file=_recognize_file,
    recognize_folder=lambda contents: unet.unet_in_folder(contents, _TEXT_WIDTH),
    recognizes_lora=lambda contents: contents.text_widths == frozenset({_TEXT_WIDTH}),
    lora_words=("sd_v1", "diffusion-v1"),
    title_words=r"sd|sdv?\d+",
    catalog=Catalog(
        entries=(CatalogEntry("sd15", _HUB_ID, _RAIL_M, round(2.1e9)),),
        aliases={
            "sd15": (
                _HUB_ID,
                "runwayml/stable-diffusion-v1-5",
                "benjamin-paine/stable-diffusion-v1-5",
            )
        },
        duplicates={_HUB_ID: "v1-5-*"},
        licences={"runwayml/": _RAIL_M},
    ),
)
