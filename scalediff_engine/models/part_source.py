"""Where a loaded model's parts may come from, and what is common to all such places."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from transformers import T5EncoderModel

from scalediff_engine.base.errors import ModelError
from scalediff_engine.models.quiet_reading import reading
from scalediff_engine.spec.checkpoint import TITLES, Part
from scalediff_engine.spec.family import FamilySpec


class PartSource(Protocol):
    """A folder or a file with all or some parts of a model of one family."""

    path: Path
    family: FamilySpec

    def has(self, part: Part) -> bool:
        """Whether the weights of this part are here."""
        ...

    def denoiser(self, dtype: torch.dtype) -> nn.Module:
        """Load the U-Net or the transformer."""
        ...

    def vae(self) -> nn.Module:
        """Load the autoencoder, in float32."""
        ...

    def text_encoder(self, part: Part, dtype: torch.dtype) -> nn.Module:
        """Load a text encoder."""
        ...

    def outline(self, part: Part) -> nn.Module:
        """Give a text encoder without weights: its layers and their names."""
        ...

    def tokenizer(self, part: Part) -> Any:  # noqa: ANN401 - transformers' classes share no type
        """Load the tokenizer of a text encoder."""
        ...

    def scheduler(self) -> Mapping[str, Any]:
        """Read the scheduler's configuration."""
        ...

    def zeros_for_empty(self) -> bool:
        """Whether no words at all are zeros for this model."""
        ...

    def weight_files(self) -> list[Path]:
        """Every file that decides the picture, in a fixed order."""
        ...


def empty_text_encoder(model_class: type[Any], part: Part, folder: Path) -> nn.Module:
    """Give a text encoder without weights, on no device.

    Args:
        model_class: of transformers
        part: text_encoder | text_encoder_2
        folder: with its configuration

    Raises:
        ModelError: the configuration cannot be read.
    """
    with reading(TITLES[part], folder), torch.device("meta"):
        config = model_class.config_class.from_pretrained(folder, local_files_only=True)
        return model_class(config)


def encoder_dtype(model_class: type[Any], dtype: torch.dtype) -> torch.dtype:
    """Give the precision of a text encoder beside a denoiser in ``dtype``."""
    # T5 was trained in bfloat16 and its activations exceed what float16 can hold
    if model_class is T5EncoderModel and dtype is torch.float16:
        return torch.bfloat16
    return dtype


def require_complete(model: nn.Module, part: Part, path: Path) -> None:
    """See that every weight of a part was in the files.

    Raises:
        ModelError: with the name of one that was not.
    """
    missing = [name for name, weight in model.named_parameters() if weight.is_meta]
    if missing:
        raise ModelError(missing_weights(part, path, missing))


def missing_weights(part: Part, path: Path, names: list[str]) -> str:
    """Say that weights are missing."""
    return (
        f"The {TITLES[part]} in {path} is incomplete: {len(names)} of its weights are missing, "
        f"'{sorted(names)[0]}' for one. Fetching the model again would help."
    )
