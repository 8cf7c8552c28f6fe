"""Stable Diffusion XL and what was distilled from it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Size
from scalediff_engine.families import tokenizers
from scalediff_engine.families.few_steps import few_steps, form_of
from scalediff_engine.families.unet import recognition as unet
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    FileContents,
    FolderContents,
    Layout,
    LoraContents,
    Recognition,
    Variant,
)
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
from scalediff_engine.store.inspect import title

_TEXT_WIDTH = 2048  # CLIP L and OpenCLIP bigG
_REFINER_WIDTH = 1280  # OpenCLIP bigG alone
_PIPELINES = frozenset({"StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"})

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
    fast=PresetSteps(steps=12, base_steps=30),
    best=PresetSteps(steps=30, base_steps=50, guides_always=True),
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
_FORMS = (
    SDXL,
    SDXL_TURBO,
    SDXL_TURBO_MERGE,
    SDXL_LIGHTNING,
    SDXL_LCM,
    SDXL_DMD2,
    SDXL_HYPER,
)


def _facts_of(checkpoint: Checkpoint, variant: Variant) -> FamilyFacts:
    form = form_of(SDXL, variant, _FORMS, hears=checkpoint.guidance_embedded)
    return SDXL_TURBO_MERGE if form is SDXL_TURBO and not _is_first_turbo(checkpoint) else form


def _is_first_turbo(checkpoint: Checkpoint) -> bool:
    """Whether its name is that of Stability's own Turbo."""
    path = checkpoint.path
    name = title(path) if checkpoint.layout is Layout.FOLDER else path.stem
    return re.match(r"(stabilityai/)?sdxl-turbo$|sd_xl_turbo_1", name.lower()) is not None


def _recognize_file(contents: FileContents) -> Recognition | None:
    header = contents.header
    if unet.unet_in_file(contents, _REFINER_WIDTH) is not None:
        raise ModelError(f"{header.path} {_REFINER}")
    network = unet.unet_in_file(contents, _TEXT_WIDTH)
    if network is None:
        return None
    # the small offshoots lack some of the middle's ten transformer blocks
    if not unet.has_layer(
        header,
        "middle_block.1.transformer_blocks.9.attn2.to_k.weight",
        "mid_block.attentions.0.transformer_blocks.9.attn2.to_k.weight",
    ):
        raise ModelError(
            f"{header.path} is an SDXL with layers left out, such as SSD-1B or Vega. "
            "Use it as a folder in the layout of diffusers, which says which layers it has."
        )
    return unet.described_file(contents, network)


def _recognize_folder(contents: FolderContents) -> Recognition | None:
    if unet.unet_in_folder(contents, _REFINER_WIDTH) is not None:
        raise ModelError(f"{contents.path} {_REFINER}")
    if contents.pipeline in _PIPELINES:
        return unet.described_folder(contents)
    return unet.unet_in_folder(contents, _TEXT_WIDTH)


def _recognizes_lora(contents: LoraContents) -> bool:
    if contents.text_widths:
        return contents.text_widths == frozenset({_TEXT_WIDTH})
    return any(name.startswith("lora_te2_") for name in contents.down)


_REFINER = (
    "is the SDXL refiner, which works after SDXL and not alone. "
    "Use the SDXL base model or a checkpoint made from it."
)
_HUB_ID = "stabilityai/stable-diffusion-xl-base-1.0"
_TURBO_HUB_ID = "stabilityai/sdxl-turbo"
_BYTES = round(6.9e9)

SPEC = FamilySpec(
    name="sdxl",
    title="SDXL",
    forms=_FORMS,
    loader="scalediff_engine.families.sdxl.loader:LOADER",
    facts_of=_facts_of,
    denoiser="unet",
    text_encoders=("text_encoder", "text_encoder_2"),
    prefixes={
        "vae": unet.VAE_PREFIXES,
        "text_encoder": ("conditioner.embedders.0.transformer.",),
        "text_encoder_2": ("conditioner.embedders.1.model.",),
    },
    pipeline_start="StableDiffusionXL",
    pipelines=_PIPELINES | unet.PIPELINES | unet.LCM_PIPELINES,
    shipped={
        "base": ShippedSettings(
            Path(__file__).parent / "configs",
            (tokenizers.CLIP, tokenizers.open_clip("tokenizer_2")),
            (77, _TEXT_WIDTH, 1280),
        )
    },
    recognize_file=_recognize_file,
    recognize_folder=_recognize_folder,
    recognizes_lora=_recognizes_lora,
    lora_words=("sdxl", "xl"),
    title_words=r"sdxl|xl|sd|ponyxl|illustrious(xl)?",
    catalog=Catalog(
        entries=(
            CatalogEntry("sdxl", _HUB_ID, "CreativeML Open RAIL++-M", _BYTES),
            CatalogEntry("sdxl-turbo", _TURBO_HUB_ID, "Stability AI Community License", _BYTES),
        ),
        aliases={"sdxl": (_HUB_ID,), "sdxl-turbo": (_TURBO_HUB_ID,)},
        duplicates={_HUB_ID: "sd_xl_*", _TURBO_HUB_ID: "sd_xl_*"},
    ),
)
