"""What a LoRA file was made for, told from the shapes of the layers that it changes."""

from __future__ import annotations

import re
from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.spec.checkpoint import Family, LoraFile
from scalediff_engine.store.foreign import is_lora, is_lycoris
from scalediff_engine.store.header import Header, TensorEntry, read_header
from scalediff_engine.store.single_file import CONTEXT_FAMILIES
from scalediff_engine.store.words import told_by_name, told_lora_variant

# the factor that reads the layer's input: (rank, inputs[, 1, 1])
_DOWN = re.compile(r"(lora_down|lora_A(\.\w+)?|lora\.down)\.weight$")
# kohya writes "_" where diffusers writes "."; old diffusers files say "processor.to_k_lora.down"
_CROSS = re.compile(r"attn2[._](processor\.)?to_[kv][._]")
_FLUX = re.compile(r"(double|single)_blocks[._]\d|single_transformer_blocks[._]\d")
_FLUX_WIDTH = 3072
_OTHER = re.compile(r"joint_blocks|lora_te3_|caption_projection|individual_token_refiner|txt_mlp")
_SAID: tuple[tuple[str, Family], ...] = (
    ("flux", "flux"),
    ("sdxl", "sdxl"),
    ("xl", "sdxl"),
    ("sd_v2", "sd21"),
    ("diffusion-v2", "sd21"),
    ("sd_v1", "sd15"),
    ("diffusion-v1", "sd15"),
)


def inspect_lora(path: Path) -> LoraFile:
    """Tell which models the LoRA at ``path`` fits.

    Raises:
        ModelMissing: there is no such file.
        ModelError: it is damaged, no LoRA, or for a family that is not known here.
    """
    header = read_header(path)
    if is_lycoris(header.tensors):
        raise ModelError(
            f"{path} is a LoHa or LoKr (LyCORIS), which ScaleDiff cannot apply. A plain LoRA works."
        )
    down = {name: tensor for name, tensor in header.tensors.items() if _DOWN.search(name)}
    if not is_lora(header.tensors) or not down:
        raise ModelError(f"{path} is no LoRA: none of its tensors is a pair of small factors.")
    family = _family(header, down)
    if family is None:
        raise ModelError(
            f"{path} is a LoRA, but what it was made for cannot be told. LoRAs for Stable "
            "Diffusion 1.5, 2.1, SDXL and FLUX.1 work."
        )
    said = (header.metadata.get(key, "") for key in ("modelspec.title", "ss_output_name"))
    variant = told_lora_variant(*said)
    notes: tuple[str, ...] = ()
    if variant is None and (variant := told_lora_variant(path.stem)):
        notes = (told_by_name(path.name, variant, "LoRA"),)
    ranks = (tensor.shape[0] for tensor in down.values() if tensor.shape)
    return LoraFile(path, family, variant, max(ranks, default=0), notes)


def _family(header: Header, down: dict[str, TensorEntry]) -> Family | None:
    if any(_OTHER.search(name) for name in header.tensors):
        return None
    if any(_FLUX.search(name) and _FLUX_WIDTH in tensor.shape for name, tensor in down.items()):
        return "flux"
    widths = {
        tensor.shape[1]
        for name, tensor in down.items()
        if _CROSS.search(name) and len(tensor.shape) > 1
    }
    if widths:
        return CONTEXT_FAMILIES.get(widths.pop()) if len(widths) == 1 else None
    # a LoRA of self-attention or of text encoders alone
    if any(name.startswith("lora_te2_") for name in down):
        return "sdxl"
    said = " ".join(
        header.metadata.get(key, "") for key in ("modelspec.architecture", "ss_base_model_version")
    ).lower()
    return next((family for word, family in _SAID if word in said), None)
