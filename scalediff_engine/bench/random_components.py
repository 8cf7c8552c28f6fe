"""Models of full size with random weights: time and memory do not depend on the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.families import registry as families
from scalediff_engine.models.components import Components, FamilyLoader
from scalediff_engine.models.device import pick_device, pick_dtype
from scalediff_engine.models.model import Model, PromptEmbeddings
from scalediff_engine.spec.family import FamilyFacts, FamilySpec

_POOL = 1 << 22


def load_random(name: str, device: str = "auto") -> Model:
    """Build a registered model at full size with random weights.

    Args:
        name: of a form whose settings ship
        device: see ``models.device.pick_device``

    Raises:
        ModelMissing: no such model.
    """
    spec, facts = _registered(name)
    place = pick_device(device)
    dtype = pick_dtype(place)
    settings = spec.settings(name.removeprefix(f"{spec.name}-"))
    loader: FamilyLoader = spec.load()
    assert spec.denoiser is not None  # its weights do not ship
    parts = Components(
        denoiser=_random(loader.classes[spec.denoiser], settings.folder / spec.denoiser, dtype),
        vae=_random(loader.classes["vae"], settings.folder / "vae", dtype),
        scheduler=_json(settings.folder / "scheduler" / "scheduler_config.json"),
        encode_text=_random_words(*settings.prompt_shape),
        weights_hash="random",
        autoencoder=loader.autoencoder,
    )
    return loader.model(facts, parts, place, dtype)


def _registered(name: str) -> tuple[FamilySpec, FamilyFacts]:
    made_up = [
        (family, form)
        for family in families.FAMILIES
        if not family.comes_with_program
        for form in family.forms
    ]
    for family, form in made_up:
        if form.name == name:
            return family, form
    known = ", ".join(form.name for _, form in made_up)
    raise ModelMissing(f"Unknown model '{name}'. Random weights can be made for: {known}.")


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


def _random_words(
    tokens: int, channels: int, pooled: int
) -> Callable[[Sequence[str]], PromptEmbeddings]:
    def encode(prompts: Sequence[str]) -> PromptEmbeddings:
        n = len(prompts)
        generator = torch.Generator().manual_seed(1)

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        return PromptEmbeddings(draw(n, tokens, channels), draw(n, pooled) if pooled else None)

    return encode
