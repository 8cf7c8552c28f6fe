"""Loading Stable Diffusion XL."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from scalediff_engine.families.unet.loader import published_layers, rename
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.models.components import FamilyLoader
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.models.text_encoders import (
    FamilyEncoding,
    TextEncoder,
    join_chunks,
    penultimate,
    penultimate_and_projection,
    run_encoder,
    token_chunks,
)


def sdxl_encoding(
    clip_l: TextEncoder, clip_g: TextEncoder, *, zeros_for_empty: bool
) -> FamilyEncoding:
    """Stable Diffusion XL: both encoders' last hidden state but one, and the second's projection.

    Args:
        clip_l: CLIP ViT-L
        clip_g: OpenCLIP bigG with its projection
        zeros_for_empty: no words are zeros and not the embedding of an empty prompt
    """

    def encode(prompts: Sequence[str], device: torch.device) -> PromptEmbeddings:
        ids_l, ids_g = (token_chunks(e.tokenizer(), prompts) for e in (clip_l, clip_g))
        (tokens_l,) = run_encoder(clip_l, ids_l.flatten(0, 1), device, penultimate)
        tokens_g, pooled = run_encoder(
            clip_g, ids_g.flatten(0, 1), device, penultimate_and_projection
        )
        tokens = torch.cat([join_chunks(tokens_l, ids_l), join_chunks(tokens_g, ids_g)], dim=-1)
        pooled = pooled.unflatten(0, ids_g.shape[:2])[:, 0]  # a prompt's first chunk sums it up
        if zeros_for_empty:
            heard = torch.tensor([bool(prompt) for prompt in prompts])
            tokens = tokens * heard[:, None, None]
            pooled = pooled * heard[:, None]
        return PromptEmbeddings(tokens, pooled)

    return encode


LOADER = FamilyLoader(
    classes={
        "unet": UNet2DConditionModel,
        "vae": AutoencoderKL,
        "text_encoder": CLIPTextModel,
        "text_encoder_2": CLIPTextModelWithProjection,
    },
    tokenizers={"tokenizer": CLIPTokenizer, "tokenizer_2": CLIPTokenizer},
    model=UNetModel,
    encoding=lambda _checkpoint, encoders, zeros: sdxl_encoding(
        encoders["text_encoder"], encoders["text_encoder_2"], zeros_for_empty=zeros
    ),
    rename=rename,
    published_layers=published_layers,
)
