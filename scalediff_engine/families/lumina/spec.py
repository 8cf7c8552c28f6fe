"""Lumina-Next."""

from __future__ import annotations

from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Size
from scalediff_engine.spec.checkpoint import (
    Checkpoint,
    FileContents,
    FolderContents,
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

_TEXT_WIDTH = 2048  # Gemma 2B
_PREFIXES = ("model.diffusion_model.", "")
# (a layer that reads text, whose names)
_SIGNATURES = (
    ("layers.0.attention.wk_y.weight", Naming.ORIGINAL),
    ("layers.0.attn2.to_k.weight", Naming.DIFFUSERS),
)
_SUPPORTED = (
    "Use Lumina-Next with 2 billion parameters for pictures of 1024x1024, which reads text with "
    "Gemma 2B."
)

LUMINA = FamilyFacts(
    name="lumina",
    title="Lumina-Next",
    native=Size(1024, 1024),
    group_norms=False,
    latent_factor=8,
    multiple=16,  # latent factor 8, and 2x2 latents to a token
    train_timesteps=1000,
    stage_table=((StageDefaults(t_start=600, steps=18, guidance=4.0),),),
    t_start_limit=700,
    default_creativity=0.8,
    mixing_lowpass=1 / 4,
    guidance_lowpass=1 / 4,
    default_prompt="a sharp, detailed, high quality photograph, fine texture, crisp edges",
    # parameters and GFLOP are counted; the rest is not measured yet: bytes and launch are those of
    # FLUX, and nothing is compiled before it is known what that saves
    footprint=Footprint(
        base_bytes=700 * 2**20,
        bytes_per_pixel=0,
        step_gflop_per_megapixel=15_200,
        encode_gflop_per_megapixel=4_700,
        decode_gflop_per_megapixel=10_000,
        denoiser=Denoiser(
            1_754_898_976,
            1_749_007_104,
            72_875_296,
            step_bytes_per_pixel=438,
            launch_seconds=0.05,
            compiled=Compiled(438, saving=0.0, first_seconds=13, cached_seconds=4),
        ),
    ),
    base=StageDefaults(t_start=1000, steps=30, guidance=4.0),
    fast=PresetSteps(steps=11, base_steps=20),
    best=PresetSteps(steps=28, base_steps=50),
)


def _facts_of(checkpoint: Checkpoint, variant: Variant) -> FamilyFacts:
    del checkpoint, variant
    return LUMINA


def _recognize_file(contents: FileContents) -> Recognition | None:
    tensors = contents.header.tensors
    for mark, naming in _SIGNATURES:
        for prefix in _PREFIXES:
            if prefix + mark not in tensors:
                continue
            *_, text_width = tensors[prefix + mark].shape
            gate = "attention.gate" if naming is Naming.ORIGINAL else "gate"
            if f"{prefix}layers.0.{gate}" not in tensors:
                continue
            if text_width != _TEXT_WIDTH:
                raise ModelError(
                    f"{contents.header.path} is a Lumina that reads text of width {text_width}. "
                    f"{_SUPPORTED}"
                )
            return Recognition(variant="base", prediction="flow", naming=naming, prefix=prefix)
    return None


def _recognize_folder(contents: FolderContents) -> Recognition:
    text_width = contents.network.get("cross_attention_dim", _TEXT_WIDTH)
    size = contents.network.get("sample_size", 128)
    if (text_width, size) != (_TEXT_WIDTH, 128):
        raise ModelError(
            f"{contents.path} is a Lumina that reads text of width {text_width} and makes "
            f"latents of {size}x{size}. {_SUPPORTED}"
        )
    return Recognition(variant="base", prediction="flow")


_HUB_ID = "Alpha-VLLM/Lumina-Next-SFT-diffusers"

SPEC = FamilySpec(
    name="lumina",
    title="Lumina-Next",
    forms=(LUMINA,),
    loader="scalediff_engine.families.lumina.loader:LOADER",
    facts_of=_facts_of,
    denoiser="transformer",
    text_encoders=("text_encoder",),
    # a single file has the transformer alone
    prefixes={"vae": (), "text_encoder": ()},
    pipelines=frozenset({"LuminaPipeline", "LuminaText2ImgPipeline"}),
    # Gemma's vocabulary has its own terms and does not ship
    shipped={"base": ShippedSettings(Path(__file__).parent / "configs", (), (256, _TEXT_WIDTH, 0))},
    recognize_file=_recognize_file,
    recognize_folder=_recognize_folder,
    title_words=r"lumina([-_ ]next)?",
    claims=("cap_embedder.",),
    relatives=(("context_refiner.", "a Lumina 2 or Z-Image model"),),
    catalog=Catalog(
        entries=(
            CatalogEntry(
                "lumina",
                _HUB_ID,
                "Apache License 2.0; its text encoder: Gemma Terms of Use",
                round(17.4e9),
            ),
        ),
        aliases={"lumina": (_HUB_ID,)},
    ),
)
