"""Loading models whose denoiser is one of Stable Diffusion's U-Nets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.families.unet.names import published_unet_modules, to_diffusers
from scalediff_engine.models.components import FamilyLoader
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.models.text_encoders import (
    FamilyEncoding,
    TextEncoder,
    join_chunks,
    run_encoder,
    token_chunks,
)


def rename(weights: Mapping[str, Tensor], unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """Rename weights as diffusers has them; those that have its names stay as they are."""
    if any(name.startswith("input_blocks.") for name in weights):
        return to_diffusers(weights, unet)
    return dict(weights)


def published_layers(unet: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Give diffusers' name of each layer that was published, by its published name."""
    return {published: (name,) for name, published in published_unet_modules(unet).items()}


def sd_encoding(clip: TextEncoder) -> FamilyEncoding:
    """Stable Diffusion 1 and 2: the last hidden state after the final norm.

    The configuration of 2's encoder leaves its last layer out, so this is what 2 asks for too.
    """

    def encode(prompts: Sequence[str], device: torch.device) -> PromptEmbeddings:
        ids = token_chunks(clip.tokenizer(), prompts)  # (n, chunks, 77)
        (tokens,) = run_encoder(clip, ids.flatten(0, 1), device, lambda model, x: (model(x)[0],))
        return PromptEmbeddings(join_chunks(tokens, ids))

    return encode


SD_LOADER = FamilyLoader(
    classes={
        "unet": UNet2DConditionModel,
        "vae": AutoencoderKL,
        "text_encoder": CLIPTextModel,
    },
    tokenizers={"tokenizer": CLIPTokenizer},
    model=UNetModel,
    encoding=lambda _checkpoint, encoders, _zeros: sd_encoding(encoders["text_encoder"]),
    rename=rename,
    published_layers=published_layers,
)
