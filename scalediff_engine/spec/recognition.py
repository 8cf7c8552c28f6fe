"""What a family is shown of a folder or a file, and what it says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalediff_engine.spec.checkpoint import Header, Naming, Prediction, TensorEntry, Variant


@dataclass(frozen=True)
class FileContents:
    """A single file.

    Attributes:
        header: names and shapes of its tensors
        texts: what the author wrote, and the file's name, the more reliable first
        named: the few-step training that one of the texts names
        supported: the sentence on which models run, for an error
    """

    header: Header
    texts: tuple[str, ...]
    named: Variant | None
    supported: str


@dataclass(frozen=True)
class FolderContents:
    """A folder in the layout of diffusers.

    Attributes:
        path: of the folder
        pipeline: the class in its ``model_index.json``
        network, scheduler, vae: the settings of these components
        named: the few-step training that the folder's name says
        supported: the sentence on which models run, for an error
    """

    path: Path
    pipeline: str
    network: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    vae: Mapping[str, Any]
    named: Variant | None
    supported: str


@dataclass(frozen=True)
class LoraContents:
    """The layers that a LoRA changes.

    Attributes:
        down: the factors that read the layers' inputs, (rank, inputs[, 1, 1]), by name
        text_widths: inputs of the layers that read text by cross-attention
    """

    down: Mapping[str, TensorEntry]
    text_widths: frozenset[int]


@dataclass(frozen=True)
class Recognition:
    """A folder or file is of the family, and this is what it is.

    Attributes:
        variant: how it was trained further
        prediction: what the network gives
        variant_is_certain: the network or its settings say the variant, not a name alone
        guidance_embedded, zero_terminal_snr, naming, prefix: see ``Checkpoint``
    """

    variant: Variant
    prediction: Prediction
    variant_is_certain: bool = False
    guidance_embedded: bool = False
    zero_terminal_snr: bool = False
    naming: Naming = Naming.DIFFUSERS
    prefix: str = ""
