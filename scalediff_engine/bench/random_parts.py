"""Models of full size with random weights: time and memory do not depend on the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, UNet2DConditionModel
from torch import Tensor, nn

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.families import registry as families
from scalediff_engine.families.flux.model import FluxModel
from scalediff_engine.families.unet.model import UNetModel
from scalediff_engine.models.device import pick_device
from scalediff_engine.models.model import Model, Words
from scalediff_engine.models.parts import Parts
from scalediff_engine.models.precision import pick_dtype
from scalediff_engine.spec.checkpoint import Family, Variant
from scalediff_engine.spec.family import FamilyFacts
from scalediff_engine.store.configs import config_folder

_POOL = 1 << 22
# What text encoders give: tokens, channels, channels of the whole prompt.
_WORDS: dict[tuple[Family, Variant], tuple[int, int, int]] = {
    ("sdxl", "base"): (77, 2048, 1280),
    ("sd15", "base"): (77, 768, 0),
    ("sd21", "base"): (77, 1024, 0),
    ("flux", "dev"): (512, 4096, 768),
    ("flux", "schnell"): (256, 4096, 768),
}


def load_random(family: str, device: str = "auto") -> Model:
    """Build a registered family's model at full size with random weights.

    Args:
        family: a name of ``families.FAMILIES`` with a shipped configuration
        device: see ``models.device.pick_device``

    Raises:
        ModelMissing: no such family.
    """
    facts = _facts(family)
    place = pick_device(device)
    dtype = pick_dtype(place)
    base = cast(Family, family.split("-")[0])  # names of families begin with it
    variants: dict[str, Variant] = {"flux": "dev", "flux-schnell": "schnell"}
    variant = variants.get(family, "base")
    folder = config_folder(base, variant)
    words = _WORDS[base, variant]
    denoiser_class: Any = FluxTransformer2DModel if base == "flux" else UNet2DConditionModel
    denoiser_folder = folder / ("transformer" if base == "flux" else "unet")
    scheduler = _json(folder / "scheduler" / "scheduler_config.json")
    parts = Parts(
        denoiser=_random(denoiser_class, denoiser_folder, dtype),
        vae=_random(AutoencoderKL, folder / "vae", dtype),
        scheduler=scheduler,
        encode_text=_random_words(*words),
        weights_hash="random",
    )
    model_class: Any = FluxModel if base == "flux" else UNetModel
    return model_class(facts, parts, place, dtype)


def _facts(family: str) -> FamilyFacts:
    made_up = [facts for facts in families.FAMILIES if facts is not families.EMBEDDED]
    for facts in made_up:
        if facts.name == family:
            return facts
    known = ", ".join(facts.name for facts in made_up)
    raise ModelMissing(f"There is no model '{family}' to make up. These are: {known}.")


def _json(path: Any) -> dict[str, Any]:  # noqa: ANN401
    import json

    return json.loads(path.read_text(encoding="utf-8"))


def _random(model_class: Any, folder: Any, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """A model in main memory whose activations stay of moderate size."""
    with torch.device("meta"):
        model: nn.Module = model_class.from_config(model_class.load_config(folder))
    nn.Module.to(model, dtype)
    model = model.to_empty(device="cpu").eval().requires_grad_(False)
    pool = torch.randn(_POOL, generator=torch.Generator().manual_seed(0))
    for name, parameter in model.named_parameters():
        if "norm" in name or parameter.dim() == 1:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            continue
        fan_in = parameter[0].numel()
        values = (pool * fan_in**-0.5).to(dtype)
        flat = parameter.view(-1)
        for begin in range(0, len(flat), _POOL):
            part = flat[begin : begin + _POOL]
            part.copy_(values[: len(part)])
    return model


def _random_words(tokens: int, channels: int, pooled: int) -> Callable[[Sequence[str]], Words]:
    def encode(prompts: Sequence[str]) -> Words:
        n = len(prompts)
        generator = torch.Generator().manual_seed(1)

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        return Words(draw(n, tokens, channels), draw(n, pooled) if pooled else None)

    return encode
