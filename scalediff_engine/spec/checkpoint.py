"""What is known of a checkpoint or a LoRA before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

Family = str  # the name of a ``spec.family.FamilySpec``
Variant = str  # "base", a few-step training such as "turbo", or a form that only one family has
Prediction = Literal["epsilon", "v_prediction", "flow"]
Part = Literal["unet", "transformer", "vae", "text_encoder", "text_encoder_2"]

DISTILLED: frozenset[Variant] = frozenset({"turbo", "lightning", "lcm", "dmd2", "hyper", "schnell"})

# For people: what a part is called in a sentence.
TITLES = {
    "unet": "U-Net",
    "transformer": "transformer",
    "vae": "autoencoder",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
    "tokenizer": "tokenizer",
    "tokenizer_2": "second tokenizer",
    "scheduler": "scheduler configuration",
}


class Layout(Enum):
    """How a model lies on the disk."""

    FOLDER = "folder"
    FILE = "file"


class Naming(Enum):
    """Whose tensor names a model has: those of its authors' code, or those of diffusers."""

    ORIGINAL = "original"
    DIFFUSERS = "diffusers"


@dataclass(frozen=True)
class TensorEntry:
    """Where one tensor lies.

    Attributes:
        dtype: the format's name for it, such as "F16" or "BF16"
        shape: its axes
        start, end: bytes, counted from the end of the header
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """Bytes in the file."""
        return self.end - self.start


@dataclass(frozen=True)
class Header:
    """What a file holds.

    Attributes:
        path: the file
        tensors: by name
        metadata: free words that the author left
        data_start: where the first tensor begins, in bytes from the start of the file
    """

    path: Path
    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]
    data_start: int

    def size_bytes(self, *prefixes: str) -> int:
        """Bytes of the tensors whose names begin with one of ``prefixes``."""
        return sum(t.size_bytes for name, t in self.tensors.items() if name.startswith(prefixes))


@dataclass(frozen=True)
class Checkpoint:
    """A model that can be loaded.

    Attributes:
        path: a folder in the layout of diffusers, or one ``.safetensors`` file
        layout: which of the two
        family: the architecture, and with it the sizes of everything
        variant: how it was trained further
        prediction: what the network gives: the noise, v, or a flow's velocity
        parts: the networks whose weights it holds, by diffusers' names
        weight_bytes: of these networks together, as they are stored
        vae_safe_in_float16: whether the autoencoder stays finite in float16
        zero_terminal_snr: whether the noise schedule was rescaled to end in pure noise
        guidance_embedded: whether the network takes the guidance scale as an input
        naming: the names of the main network's tensors
        prefix: what stands before each of them, such as "model.diffusion_model."
        file_variant: the infix of the weight files of a folder, such as "fp16"
        notes: what was guessed, in sentences that say how to tell otherwise
    """

    path: Path
    layout: Layout
    family: Family
    variant: Variant
    prediction: Prediction
    parts: frozenset[Part]
    weight_bytes: int
    vae_safe_in_float16: bool
    zero_terminal_snr: bool
    guidance_embedded: bool = False
    naming: Naming = Naming.DIFFUSERS
    prefix: str = ""
    file_variant: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def distilled(self) -> bool:
        """Whether it was made for a few steps without classifier-free guidance."""
        return self.variant in DISTILLED


@dataclass(frozen=True)
class LoraFile:
    """A LoRA: small changes to the layers of a model of one family.

    Attributes:
        path: one ``.safetensors`` file
        family: of the models that it fits
        variant: what it distils a base model into; None = it changes the look alone
        rank: the largest rank among its layers
        notes: as a checkpoint's
    """

    path: Path
    family: Family
    variant: Variant | None
    rank: int
    notes: tuple[str, ...] = ()


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
