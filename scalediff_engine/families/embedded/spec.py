"""The model that ships: a small latent diffusion model that runs anywhere."""

from __future__ import annotations

import re

from scalediff_engine.base.geometry import Size
from scalediff_engine.spec.family import (
    FamilyFacts,
    FamilySpec,
    PresetSteps,
    StageDefaults,
)
from scalediff_engine.spec.footprint import Footprint

# Words of a prompt that choose a token; others are ignored, this model has no text encoder.
CONTENT_WORDS = {
    "photo": ("photo", "photograph", "photography", "photographic", "picture"),
    "painting": ("painting", "painted", "illustration", "drawing", "art", "artwork", "brush"),
    "texture": ("texture", "material", "pattern", "surface", "fabric"),
}
QUALITY_WORDS = {
    "sharp": ("sharp", "detailed", "crisp", "fine"),
    "soft": ("soft", "blurry", "blurred", "smooth"),
}

EMBEDDED = FamilyFacts(
    name="embedded",
    title="ScaleDiff embedded (comes with the program)",
    native=Size(256, 256),
    latent_factor=4,
    latent_channels=16,
    multiple=16,  # latent factor 4, and two halvings in the U-Net
    train_timesteps=1000,
    stage_table=(
        (StageDefaults(t_start=10, steps=3, guidance=1.0),),
        (
            StageDefaults(t_start=20, steps=3, guidance=1.0),
            StageDefaults(t_start=30, steps=4, guidance=1.0),
        ),
    ),
    t_start_limit=60,
    default_creativity=0.5,
    # a wider band of the enlarged latent paints stripes along hard edges with this autoencoder
    mixing_lowpass=1 / 32,
    guidance_lowpass=1 / 4,
    default_prompt="sharp photo",
    footprint=Footprint(
        base_bytes=620 * 2**20,
        bytes_per_pixel=1000,
        step_gflop_per_megapixel=159,
        encode_gflop_per_megapixel=182,
        decode_gflop_per_megapixel=491,
    ),
    base=None,  # it hears classes only, and never saw more noise than ``t_start_limit``
    fast=PresetSteps(steps=2),
    best=PresetSteps(steps=5),
    begins_with_network=True,
    prompt_words=frozenset().union(*CONTENT_WORDS.values(), *QUALITY_WORDS.values()),
)

SPEC = FamilySpec(
    name=EMBEDDED.name,
    title=EMBEDDED.title,
    forms=(EMBEDDED,),
    loader="scalediff_engine.families.embedded.model:load_embedded",
    facts_of=lambda _checkpoint, _variant: EMBEDDED,
    licence="Apache License 2.0",
)


def chosen_token(words: str, table: dict[str, tuple[str, ...]]) -> str | None:
    """Give the token of the first word of a prompt that the table knows."""
    for word in re.findall(r"\w+", words.lower()):
        for token, synonyms in table.items():
            if word in synonyms:
                return token
    return None
