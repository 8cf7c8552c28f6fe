"""Read LoRA files and fuse them into weights: ``W + strength * alpha / rank * up @ down``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor, nn

from scalediff_engine.base.errors import ModelError
from scalediff_engine.models.components import FamilyLoader
from scalediff_engine.models.silent_loading import reading
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


def describe_changes(
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
    left_out = _describe_left_out(sorted(lora.layers.keys() - found), lora.others)
    return f"{told} Left out: {left_out}." if left_out else told


def _describe_left_out(layers: list[str], others: tuple[str, ...]) -> str:
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


# ``x.lora_down.weight``, ``x.lora_A.weight``, ``x.lora.up.weight``, ``x_lora.up.weight``,
# ``x.lora_linear_layer.down.weight``
_SIDE = re.compile(
    r"^(?P<name>.+?)(?:\.lora_linear_layer|[._]lora)[._](?P<side>down|up|A|B)"
    r"(?:\.default)?\.weight$"
)
_ALPHA = re.compile(r"^(?P<name>.+?)(?:[._]lora)?\.alpha$")

# What a weight's name has in it when the file is of a kind that is more than a pair of matrices.
_OTHER_KINDS = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_": "LoHa",
    "lokr_": "LoKr",
    "lora_mid": "LoCon with a Tucker decomposition",
    "oft_": "OFT",
}


@dataclass(frozen=True)
class LoraLayer:
    """What is added to one layer's weight: ``scale * up @ down``.

    Attributes:
        down: (rank, in) or (rank, in, k, k)
        up: (out, rank) or (out, rank, 1, 1)
        scale: alpha / rank
    """

    down: Tensor
    up: Tensor
    scale: float

    def delta(self) -> Tensor:
        """(out, in * k * k) float32."""
        return self.scale * (self.up.flatten(1).float() @ self.down.flatten(1).float())


class LoraWeights(NamedTuple):
    """What a LoRA file holds.

    Attributes:
        layers: by their names in the file, points and underscores alike made underscores
        others: names of weights that are no pair of matrices, such as ``x.diff`` and ``x.diff_b``
    """

    layers: dict[str, LoraLayer]
    others: tuple[str, ...]


def read_lora(path: Path) -> LoraWeights:
    """Read a LoRA file.

    Raises:
        ModelError: not readable, no LoRA, or one of another kind.
    """
    with reading("LoRA", path), safe_open(path, framework="pt") as file:
        names: list[str] = sorted(file.keys())
        _refuse_other_kinds(names, path)
        weights: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
        metadata: dict[str, str] = file.metadata() or {}
        found = _paired(weights, _adapter_settings(metadata))
    if not found.layers:
        raise ModelError(f"{path} holds no LoRA: none of its weights come in pairs of up and down.")
    return found


def _refuse_other_kinds(names: list[str], path: Path) -> None:
    for mark, kind in _OTHER_KINDS.items():
        if any(mark in name for name in names):
            raise ModelError(
                f"{path} is a {kind} file, which this program cannot use; plain LoRA files work."
            )


def _paired(weights: dict[str, Tensor], settings: dict[str, Any]) -> LoraWeights:
    others: list[str] = []
    sides: dict[str, dict[str, Tensor]] = {}
    alphas: dict[str, float] = {}
    for name, weight in weights.items():
        if match := _SIDE.match(name):
            side = {"A": "down", "B": "up"}.get(match["side"], match["side"])
            sides.setdefault(match["name"], {})[side] = weight
        elif match := _ALPHA.match(name):
            alphas[match["name"]] = float(weight)
        else:
            others.append(name)
    layers = {
        _underscored(name): LoraLayer(
            pair["down"], pair["up"], _scale(name, pair["down"].shape[0], alphas, settings)
        )
        for name, pair in sides.items()
        if len(pair) == 2
    }
    others += [f"{name}.{side}" for name, pair in sides.items() if len(pair) == 1 for side in pair]
    return LoraWeights(layers, tuple(others))


def _scale(name: str, rank: int, alphas: dict[str, float], settings: dict[str, Any]) -> float:
    """Alpha / rank: the layer's own alpha, or what the file's settings say, or 1."""
    if name in alphas:
        return alphas[name] / rank
    part, _, module = name.partition(".")
    pattern: dict[str, float] = settings.get(f"{part}.alpha_pattern") or {}
    alpha = pattern.get(module, settings.get(f"{part}.lora_alpha"))
    if alpha is None:
        return 1.0
    return alpha / (math.sqrt(rank) if settings.get(f"{part}.use_rslora") else rank)


def _adapter_settings(metadata: dict[str, str]) -> dict[str, Any]:
    """The metadata that diffusers writes into its LoRA files."""
    read = json.loads(metadata.get("lora_adapter_metadata") or "{}")
    return read if isinstance(read, dict) else {}


def _underscored(name: str) -> str:
    return name.replace(".processor.", ".").replace(".", "_")
