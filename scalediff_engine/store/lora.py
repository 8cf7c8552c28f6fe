"""What a LoRA file was made for, told from the shapes of the layers that it changes."""

from __future__ import annotations

import re
from pathlib import Path

from scalediff_engine.base.errors import ModelError
from scalediff_engine.spec.checkpoint import Family, Header, LoraContents, LoraFile, TensorEntry
from scalediff_engine.spec.family import Families
from scalediff_engine.store.header import read_header
from scalediff_engine.store.name_hints import NameHints, name_alone_note
from scalediff_engine.store.unsupported import is_lora, is_lycoris, supported_models

# the factor that reads the layer's input: (rank, inputs[, 1, 1])
_DOWN = re.compile(r"(lora_down|lora_A(\.\w+)?|lora\.down)\.weight$")
# kohya writes "_" where diffusers writes "."; old diffusers files say "processor.to_k_lora.down"
_CROSS = re.compile(r"attn2[._](processor\.)?to_[kv][._]")
_OTHER = re.compile(r"joint_blocks|lora_te3_|caption_projection|individual_token_refiner|txt_mlp")


def inspect_lora(path: Path, families: Families) -> LoraFile:
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
    family = _family(header, down, families)
    if family is None:
        raise ModelError(
            f"{path} is a LoRA, but what it was made for cannot be told. "
            f"{supported_models(families)}"
        )
    hints = NameHints(families)
    said = (header.metadata.get(key, "") for key in ("modelspec.title", "ss_output_name"))
    variant = hints.lora_variant(*said)
    notes: tuple[str, ...] = ()
    if variant is None and (variant := hints.lora_variant(path.stem)):
        notes = (name_alone_note(path.name, variant, "LoRA"),)
    ranks = (tensor.shape[0] for tensor in down.values() if tensor.shape)
    return LoraFile(path, family, variant, max(ranks, default=0), notes)


def _family(header: Header, down: dict[str, TensorEntry], families: Families) -> Family | None:
    if any(_OTHER.search(name) for name in header.tensors):
        return None
    widths = frozenset(
        tensor.shape[1]
        for name, tensor in down.items()
        if _CROSS.search(name) and len(tensor.shape) > 1
    )
    contents = LoraContents(down, widths)
    for family in families:
        if family.recognizes_lora(contents):
            return family.name
    if widths:
        return None
    # a LoRA of self-attention or of text encoders alone
    said = " ".join(
        header.metadata.get(key, "") for key in ("modelspec.architecture", "ss_base_model_version")
    ).lower()
    return next((f.name for f in families for word in f.lora_words if word in said), None)
