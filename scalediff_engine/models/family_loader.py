"""What loading a family's models needs besides its spec; each family gives one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from torch import Tensor

from scalediff_engine.models.autoencoder import KLAutoencoder
from scalediff_engine.models.model import Model
from scalediff_engine.models.parts import AutoencoderRunner, Parts
from scalediff_engine.models.text_encoders import FamilyEncoding, TextEncoder
from scalediff_engine.spec.checkpoint import Checkpoint, Part
from scalediff_engine.spec.family import FamilyFacts

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
    model: Callable[[FamilyFacts, Parts, torch.device, torch.dtype], Model]
    encoding: Callable[[Checkpoint, Mapping[Part, TextEncoder], bool], FamilyEncoding]
    rename: Rename
    published_layers: Callable[[Any], Mapping[str, tuple[str, ...]]]
    arrange_rows: Callable[[str, Tensor], Tensor] = lambda _name, rows: rows
    autoencoder: AutoencoderRunner = KLAutoencoder
    rename_vae: Rename = rename_kl_autoencoder
