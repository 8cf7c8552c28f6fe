"""The components of a pretrained model, and what a family says of loading them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from torch import Tensor, nn

from scalediff_engine.base.geometry import Grid
from scalediff_engine.models.autoencoder import Autoencoder, KLAutoencoder
from scalediff_engine.models.model import Model, PromptEmbeddings
from scalediff_engine.models.text_encoders import FamilyEncoding, TextEncoder
from scalediff_engine.spec.checkpoint import Checkpoint, Part
from scalediff_engine.spec.family import FamilyFacts

# Prompts to embeddings. Loads the text encoders, encodes, and lets go of them again: they can be
# larger than everything else, and are needed once. All prompts of a call get the same number of
# tokens.
TextEncoding = Callable[[Sequence[str]], PromptEmbeddings]

# Runs diffusers' autoencoder: in main memory, its device, precision, latents at the native size.
AutoencoderRunner = Callable[[Any, torch.device, torch.dtype, Grid], Autoencoder]


@dataclass(frozen=True)
class Components:
    """The loaded parts, in main memory.

    Attributes:
        denoiser: diffusers' U-Net or transformer, in the precision it will run in
        vae: diffusers' autoencoder, in float32
        scheduler: diffusers' scheduler configuration
        encode_text: prompts to ``PromptEmbeddings``
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


# Weights of a single file by published names, and an empty network, to weights by its own names.
Rename = Callable[[Mapping[str, Tensor], Any], dict[str, Tensor]]


def rename_kl_autoencoder(weights: Mapping[str, Tensor], vae: Any) -> dict[str, Tensor]:  # noqa: ANN401
    """Rename the weights of the autoencoder that was published with Stable Diffusion."""
    return convert_ldm_vae_checkpoint(dict(weights), vae.config)


@dataclass(frozen=True)
class FamilyLoader:
    """What shared code asks of a family's networks.

    Attributes:
        classes: of diffusers or transformers, of each component
        tokenizers: of transformers, by the pipeline's name for each
        model: runs the loaded components: facts, components, device, precision
        encoding: text encoders put together: of a checkpoint, by name, and whether an empty prompt
            is zeros
        rename: published names of a single file to diffusers'
        published_layers: of the denoiser, published names to diffusers' names, several where one
            layer became several; for LoRAs
        arrange_rows: rows of a LoRA's layer in diffusers' order, by the layer's published name with
            underscores for points
        autoencoder: runs the class of the autoencoder; see ``models.autoencoder``
        rename_vae: as ``rename``, of the autoencoder with its prefix
    """

    classes: Mapping[Part, Any]
    tokenizers: Mapping[str, Any]
    model: Callable[[FamilyFacts, Components, torch.device, torch.dtype], Model]
    encoding: Callable[[Checkpoint, Mapping[Part, TextEncoder], bool], FamilyEncoding]
    rename: Rename
    published_layers: Callable[[Any], Mapping[str, tuple[str, ...]]]
    arrange_rows: Callable[[str, Tensor], Tensor] = lambda _name, rows: rows
    autoencoder: AutoencoderRunner = KLAutoencoder
    rename_vae: Rename = rename_kl_autoencoder
