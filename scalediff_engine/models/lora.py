"""Fusing LoRA files into a model's weights: ``W + strength * alpha / rank * up @ down``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from scalediff_engine.base.errors import ModelError
from scalediff_engine.models.family_loader import FamilyLoader
from scalediff_engine.models.lora_file import LoraLayer, read_lora
from scalediff_engine.spec.checkpoint import TITLES

# How names of a part's layers begin, underscores for points; trainers differ.
_BEGINNINGS = {
    "unet": ("lora_unet_", "unet_", "base_model_model_", "diffusion_model_", ""),
    "transformer": (
        "lora_unet_",
        "lora_transformer_",
        "transformer_",
        "base_model_model_",
        "diffusion_model_",
        "",
    ),
    "text_encoder": ("lora_te1_", "lora_te_", "text_encoder_"),
    "text_encoder_2": ("lora_te2_", "text_encoder_2_"),
}
_TEXT_MARKS = ("lora_te", "text_encoder")

# Layers whose weights a LoRA layer's rows belong to, in this order; mostly it is one.
Targets = tuple[nn.Module, ...]


@dataclass(frozen=True)
class Lora:
    """A LoRA file and how strongly it is wanted.

    Attributes:
        path: the file
        strength: 1 = as it was trained
        layers: see ``read_lora``
        others: see ``read_lora``; these are not applied
    """

    path: Path
    strength: float
    layers: Mapping[str, LoraLayer]
    others: tuple[str, ...] = ()

    @staticmethod
    def read(path: Path, strength: float) -> Lora:
        """Read a file.

        Raises:
            ModelError: see ``read_lora``.
        """
        return Lora(path, strength, *read_lora(path))

    @property
    def for_text(self) -> bool:
        """Whether some layers are meant for text encoders."""
        return any(name.startswith(_TEXT_MARKS) for name in self.layers)


@torch.no_grad()
def fuse(model: nn.Module, part: str, lora: Lora, family: FamilyLoader) -> int:
    """Add a LoRA to the weights of one part of a model, once and for all.

    Args:
        model: the part, whose weights are replaced
        part: unet | transformer | text_encoder | text_encoder_2
        lora: to add
        family: of the model

    Returns:
        How many of the file's layers this part has.

    Raises:
        ModelError: a layer has another shape than the model's.
    """
    layers = named_layers(model, part, family)
    matched = 0
    for name, layer in lora.layers.items():
        targets = _find(name, layers, _BEGINNINGS[part])
        if targets is not None:
            layer = replace(layer, up=family.arrange_rows(name, layer.up))
            _add(targets, layer, lora, name)
            matched += 1
    return matched


def matching(model: nn.Module, part: str, lora: Lora, family: FamilyLoader) -> frozenset[str]:
    """Give the names of the file's layers that one part of a model has.

    Args:
        model: the part, whose weights may be on no device
        part, lora, family: see ``fuse``
    """
    layers = named_layers(model, part, family)
    return frozenset(n for n in lora.layers if _find(n, layers, _BEGINNINGS[part]) is not None)


def told_changes(
    lora: Lora, denoiser: str, models: Mapping[str, nn.Module], family: FamilyLoader
) -> str:
    """Say what a LoRA changes in a model, and what of it is left out.

    Args:
        lora: the file
        denoiser: unet | transformer
        models: this part and the text encoders, see ``matching``
        family: of the model

    Raises:
        ModelError: none of its layers is one of this model's.
    """
    matched = {part: matching(model, part, lora, family) for part, model in models.items()}
    found = frozenset[str]().union(*matched.values())
    if not found:
        raise ModelError(
            f"None of the {len(lora.layers)} layers in the LoRA {lora.path} is one of this model's."
        )
    in_text = len(found) - len(matched[denoiser])
    text = f" and {in_text} of the text encoders" if in_text else ""
    told = (
        f"The LoRA {lora.path.name} changes {len(matched[denoiser])} layers of the "
        f"{TITLES[denoiser]}{text}, of {len(lora.layers)} that it has."
    )
    left_out = _told_left_out(sorted(lora.layers.keys() - found), lora.others)
    return f"{told} Left out: {left_out}." if left_out else told


def _told_left_out(layers: list[str], others: tuple[str, ...]) -> str:
    told: list[str] = []
    if layers:
        told.append(f"{len(layers)} that this model has not, such as '{layers[0]}'")
    if others:
        kinds = sorted({f".{name.rpartition('.')[2]}" for name in others})
        told.append(f"{len(others)} weights that are no low-rank pairs ({', '.join(kinds[:4])})")
    return "; ".join(told)


def named_layers(model: nn.Module, part: str, family: FamilyLoader) -> dict[str, Targets]:
    """Give the layers of a model that a LoRA may change, by every name that trainers use.

    Names have underscores for points and no beginning that says which part it is.
    """
    own = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }
    if part.startswith("text_encoder"):
        aliases = _clip_aliases(own)
    else:
        aliases = {
            published: tuple(own[name] for name in names)
            for published, names in family.published_layers(model).items()
            if all(name in own for name in names)
        }
    named = {**{name: (module,) for name, module in own.items()}, **aliases}
    # the first trainers wrote "to_out" for the projection inside it
    named |= {n.removesuffix(".0"): t for n, t in named.items() if n.endswith("to_out.0")}
    return {name.replace(".", "_"): targets for name, targets in named.items()}


def _clip_aliases(own: Mapping[str, nn.Module]) -> dict[str, Targets]:
    """CLIP's layers with and without ``text_model``, and its projections by the U-Net's names."""
    aliases: dict[str, Targets] = {}
    for name, module in own.items():
        full = "text_model." + name.removeprefix("text_model.")
        aliases[full] = (module,)
        for letter in "qkv":
            if full.endswith(f".{letter}_proj"):
                aliases[full.removesuffix(f"{letter}_proj") + f"to_{letter}"] = (module,)
        if full.endswith(".self_attn.out_proj"):
            aliases[full.removesuffix("out_proj") + "to_out"] = (module,)
    return aliases


def _find(name: str, layers: dict[str, Targets], beginnings: tuple[str, ...]) -> Targets | None:
    for beginning in beginnings:
        if name.startswith(beginning) and name.removeprefix(beginning) in layers:
            return layers[name.removeprefix(beginning)]
    return None


def _add(targets: Targets, layer: LoraLayer, lora: Lora, name: str) -> None:
    weights: list[Tensor] = [target.get_parameter("weight") for target in targets]
    rows = [weight.shape[0] for weight in weights]
    columns = weights[0][0].numel()
    rank = layer.down.shape[0]
    there = (layer.up.shape[0], layer.down[0].numel())
    if there != (sum(rows), columns) or layer.up[0].numel() != rank:
        raise ModelError(
            f"{lora.path} does not fit this model: its layer '{name}' is for {there[0]}x{there[1]} "
            f"weights and the model has {sum(rows)}x{columns}. It was made for another family."
        )
    delta = layer.delta()
    for target, weight, part in zip(targets, weights, delta.split(rows), strict=True):
        # rounded once; and never in place, as the weights may be a view of a file
        fused = weight.float() + lora.strength * part.view_as(weight)
        target.register_parameter(
            "weight", nn.Parameter(fused.to(weight.dtype), weight.requires_grad)
        )
