"""FLUX.1, dev and schnell."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Size
from scalediff_engine.families import tokenizers
from scalediff_engine.families.few_steps import FEW_STEPS_BEST, FEW_STEPS_FAST, form_of
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    FileContents,
    FolderContents,
    Header,
    LoraContents,
    Naming,
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
from scalediff_engine.store.unsupported import refuse_channels

_CHANNELS = 64  # 16 latent channels, 2x2 latents to a token
_RELATIVES = {
    384: "a FLUX.1 Fill model, which is for inpainting",
    128: "a FLUX.1 Depth or Canny model",
}
_BLOCKS = (19, 38)  # with two streams, and with one
_WIDTH = 3072
_LORA_LAYER = re.compile(r"(double|single)_blocks[._]\d|single_transformer_blocks[._]\d")
_PREFIXES = ("model.diffusion_model.", "")
# (a tensor that only this network has, its first layer, its blocks, whose names)
_SIGNATURES = (
    (
        "double_blocks.0.img_attn.qkv.weight",
        "img_in.weight",
        ("double_blocks", "single_blocks"),
        Naming.ORIGINAL,
    ),
    (
        "single_transformer_blocks.0.attn.to_q.weight",
        "x_embedder.weight",
        ("transformer_blocks", "single_transformer_blocks"),
        Naming.DIFFUSERS,
    ),
)
_GUIDANCE = ("guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_1")

FLUX_DEV = FamilyFacts(
    name="flux",
    title="FLUX.1 [dev]",
    native=Size(1024, 1024),
    group_norms=False,
    latent_factor=8,
    latent_channels=16,
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
    fast=PresetSteps(steps=11, base_steps=20),
    best=PresetSteps(steps=28, base_steps=50),
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


def _facts_of(checkpoint: Checkpoint, variant: Variant) -> FamilyFacts:
    base = FLUX_SCHNELL if checkpoint.variant == "schnell" else FLUX_DEV
    return form_of(base, variant, (FLUX_DEV, FLUX_SCHNELL))


def _recognize_file(contents: FileContents) -> Recognition | None:
    header = contents.header
    for mark, first, blocks, naming in _SIGNATURES:
        for prefix in _PREFIXES:
            if prefix + mark in header.tensors and prefix + first in header.tensors:
                shape = header.tensors[prefix + first].shape
                channels = shape[1] if len(shape) > 1 else 0
                refuse_channels(header.path, channels, _CHANNELS, _RELATIVES)
                _refuse_other_size(header, [f"{prefix}{kind}." for kind in blocks])
                guided = any(f"{prefix}{name}.weight" in header.tensors for name in _GUIDANCE)
                return Recognition(
                    variant=(contents.named or "dev") if guided else "schnell",
                    prediction="flow",
                    guidance_embedded=guided,
                    naming=naming,
                    prefix=prefix,
                )
    return None


def _refuse_other_size(header: Header, prefixes: list[str]) -> None:
    """Raise ``ModelError`` if a network has not as many blocks as FLUX.1."""
    counts = tuple(_count_blocks(header, prefix) for prefix in prefixes)
    if counts != _BLOCKS:
        raise ModelError(
            f"{header.path} is a FLUX of another size, such as Flux.1 Lite, which is not "
            f"supported as a single file: it has {counts[0]} and {counts[1]} blocks, and FLUX.1 "
            f"has {_BLOCKS[0]} and {_BLOCKS[1]}."
        )


def _count_blocks(header: Header, prefix: str) -> int:
    """How many blocks there are; where some in between are missing, they count as well."""
    numbers = (
        name[len(prefix) :].partition(".")[0] for name in header.tensors if name.startswith(prefix)
    )
    return max((int(number) + 1 for number in numbers if number.isdecimal()), default=0)


def _recognize_folder(contents: FolderContents) -> Recognition:
    guided = contents.network.get("guidance_embeds") is True
    return Recognition(
        variant=(contents.named or "dev") if guided else "schnell",
        prediction="flow",
        guidance_embedded=guided,
    )


def _recognizes_lora(contents: LoraContents) -> bool:
    return any(
        _LORA_LAYER.search(name) and _WIDTH in tensor.shape
        for name, tensor in contents.down.items()
    )


def _shipped(variant: Variant, tokens: int) -> ShippedSettings:
    return ShippedSettings(
        Path(__file__).parent / "configs" / variant,
        (tokenizers.CLIP, tokenizers.t5("tokenizer_2", tokens)),
        (tokens, 4096, 768),
    )


_DEV_HUB_ID = "black-forest-labs/FLUX.1-dev"
_SCHNELL_HUB_ID = "black-forest-labs/FLUX.1-schnell"
_BYTES = round(33.7e9)

SPEC = FamilySpec(
    name="flux",
    title="FLUX.1",
    forms=(FLUX_DEV, FLUX_SCHNELL),
    loader="scalediff_engine.families.flux.loader:LOADER",
    facts_of=_facts_of,
    denoiser="transformer",
    text_encoders=("text_encoder", "text_encoder_2"),
    prefixes={
        "vae": ("first_stage_model.", "vae."),
        "text_encoder": ("text_encoders.clip_l.transformer.",),
        "text_encoder_2": ("text_encoders.t5xxl.transformer.",),
    },
    pipelines=frozenset({"FluxPipeline", "FluxImg2ImgPipeline"}),
    pipeline_start="Flux",
    # schnell was trained with half of the text
    shipped={"dev": _shipped("dev", 512), "schnell": _shipped("schnell", 256)},
    recognize_file=_recognize_file,
    recognize_folder=_recognize_folder,
    recognizes_lora=_recognizes_lora,
    lora_words=("flux",),
    title_words=r"flux\d?",
    relatives=(
        ("double_stream_modulation_img.", "a FLUX.2 model"),
        ("single_stream_modulation.", "a FLUX.2 model"),
    ),
    catalog=Catalog(
        entries=(
            CatalogEntry(
                "flux", _DEV_HUB_ID, "FLUX.1 [dev] Non-Commercial License", _BYTES, is_gated=True
            ),
            CatalogEntry(
                "flux-schnell", _SCHNELL_HUB_ID, "Apache License 2.0", _BYTES, is_gated=True
            ),
        ),
        aliases={
            "flux": (_DEV_HUB_ID, _SCHNELL_HUB_ID),
            "flux-dev": (_DEV_HUB_ID,),
            "flux-schnell": (_SCHNELL_HUB_ID,),
        },
        gated=("black-forest-labs/",),
        duplicates={_DEV_HUB_ID: "flux1-*", _SCHNELL_HUB_ID: "flux1-*"},
    ),
)
