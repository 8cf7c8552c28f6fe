"""Reading LoRA files: pairs of low-rank matrices for layers, by whatever names."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import safe_open
from torch import Tensor

from scalediff_engine.base.errors import ModelError
from scalediff_engine.models.quiet_reading import reading

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
    """What diffusers writes beside a LoRA of its own making."""
    read = json.loads(metadata.get("lora_adapter_metadata") or "{}")
    return read if isinstance(read, dict) else {}


def _underscored(name: str) -> str:
    return name.replace(".processor.", ".").replace(".", "_")
