"""What a pretrained text-to-image model is made of, as its file or folder gave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from scalediff_engine.base.geometry import Grid
from scalediff_engine.models.autoencoder import Autoencoder, KLAutoencoder
from scalediff_engine.models.model import Words

# Prompts to embeddings. Loads the text encoders, encodes, and lets go of them again: they can be
# larger than everything else, and are needed once. All prompts of a call get the same number of
# tokens.
TextEncoding = Callable[[Sequence[str]], Words]

# Runs diffusers' autoencoder: in main memory, its device, precision, latents at the native size.
AutoencoderRunner = Callable[[Any, torch.device, torch.dtype, Grid], Autoencoder]


@dataclass(frozen=True)
class Parts:
    """The loaded parts, in main memory.

    Attributes:
        denoiser: diffusers' U-Net or transformer, in the precision it will run in
        vae: diffusers' autoencoder, in float32
        scheduler: diffusers' scheduler configuration
        encode_text: prompts to ``Words``
        weights_hash: SHA-256 that stands for what decides the picture, see ``fingerprint``
        vae_safe_in_float16: this autoencoder's activations stay below float16's limit
        autoencoder: runs ``vae``
        notes: what people should know of how the parts came together, in sentences
    """

    denoiser: nn.Module
    vae: nn.Module
    scheduler: Mapping[str, Any]
    encode_text: TextEncoding
    weights_hash: str
    vae_safe_in_float16: bool = False
    autoencoder: AutoencoderRunner = KLAutoencoder
    notes: tuple[str, ...] = ()
