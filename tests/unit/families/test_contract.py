"""What every family of the registry keeps to."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny
from tiny_flux import TINY_FLUX, tiny_parts
from tiny_sd import TINY_SD15, TINY_SD21, TINY_SDXL, checkpoint_of, load_parts, shared
from torch import Tensor

from scalediff_engine.families import registry
from scalediff_engine.models.components_folder import FolderSource
from scalediff_engine.models.family_loader import FamilyLoader
from scalediff_engine.models.model import Model
from scalediff_engine.spec.family import FamilyFacts, FamilySpec, family_named

CPU = torch.device("cpu")
PRETRAINED = [family for family in registry.FAMILIES if not family.comes_with_program]
FAMILIES = pytest.mark.parametrize("family", PRETRAINED, ids=lambda family: family.name)


def _tiny(facts: FamilyFacts) -> Callable[[FamilySpec, Any], Model]:
    def load(family: FamilySpec, factory: pytest.TempPathFactory) -> Model:
        checkpoint = checkpoint_of(shared(factory, family.name), family.name)
        return family.load().model(facts, load_parts(checkpoint, torch.float32), CPU, torch.float32)

    return load


TINY: dict[str, Callable[[FamilySpec, Any], Model]] = {
    "sdxl": _tiny(TINY_SDXL),
    "sd15": _tiny(TINY_SD15),
    "sd21": _tiny(TINY_SD21),
    "flux": lambda family, _: family.load().model(TINY_FLUX, tiny_parts(), CPU, torch.float32),
}


@pytest.fixture(scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    family: FamilySpec = request.param
    return TINY[family.name](family, tmp_path_factory)


MODELS = pytest.mark.parametrize(
    "model", PRETRAINED, ids=lambda family: family.name, indirect=True, scope="module"
)


def test_names_are_unlike_and_every_family_has_a_tiny_model() -> None:
    names = [family.name for family in registry.FAMILIES]
    assert len(set(names)) == len(names)
    assert {family.name for family in PRETRAINED} == set(TINY)


@FAMILIES
def test_a_spec_is_complete(family: FamilySpec) -> None:
    loader: FamilyLoader = family.load()
    assert isinstance(loader, FamilyLoader)
    assert set(loader.classes) == set(family.parts)
    assert set(family.prefixes) == set(family.parts) - {family.denoiser}
    assert all(form.name.partition("-")[0] == family.name for form in family.forms)
    assert family.pipelines
    for settings in family.shipped.values():
        assert [t.name for t in settings.tokenizers] == list(loader.tokenizers)
        assert len(settings.tokenizers) == len(family.text_encoders)
        assert all((settings.folder / part / "config.json").is_file() for part in family.parts)
        assert (settings.folder / "scheduler" / "scheduler_config.json").is_file()


@FAMILIES
def test_what_can_be_downloaded_is_a_form_with_an_alias(family: FamilySpec) -> None:
    forms = {form.name for form in family.forms}
    for entry in family.catalog.entries:
        assert entry.name in forms
        assert family.catalog.aliases[entry.name][0] == entry.hub_id
        assert entry.is_gated is entry.hub_id.startswith(family.catalog.gated or ("?",))
    assert family.name in family.catalog.aliases  # the parts that a file lacks are found by it


def _latent(model: Model) -> Tensor:
    grid = model.facts.native.grid(model.facts.latent_factor)
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, model.facts.latent_channels, *grid, generator=generator)


@MODELS
@torch.inference_mode()
def test_the_native_size_is_the_untouched_model_bit_for_bit(model: Model) -> None:
    z, words = _latent(model), model.condition("stone", "").positive
    level = model.levels(500, 2)[0]
    plain = model.predict(z, level, words, 3.5)
    grid = model.facts.native.grid(model.facts.latent_factor)
    with model.neighborhood_attention(grid):
        assert torch.equal(model.predict(z, level, words, 3.5), plain)
    with model.neighborhood_attention(grid.__class__(grid.rows * 2, grid.cols * 2)):
        larger = torch.cat([torch.cat([z, z], 2)] * 2, 3)
        assert model.predict(larger, level, words, 3.5).shape == larger.shape
    assert torch.equal(model.predict(z, level, words, 3.5), plain)


@MODELS
@torch.inference_mode()
def test_one_evaluation_is_one_call_of_diffusers_network(model: Model) -> None:
    network: Any = next(
        value for name, value in vars(model).items() if name in ("_unet", "_transformer")
    )
    asked: list[Any] = []
    untouched = copy.deepcopy(network)
    hook = network.register_forward_pre_hook(
        lambda _, *given: asked.append(copy.deepcopy(given)), with_kwargs=True
    )
    z, words = _latent(model), model.condition("stone", "").positive
    found = model.predict(z, model.levels(500, 2)[0], words, 3.5)
    hook.remove()
    ((args, kwargs),) = asked
    expected = untouched(*args, **kwargs).sample
    assert found.shape == z.shape
    assert torch.equal(found.flatten().sort().values, expected.flatten().sort().values)


@MODELS
@torch.inference_mode()
def test_facts_are_those_of_the_networks(model: Model) -> None:
    facts = model.facts
    picture = torch.zeros(1, 3, facts.multiples.height, facts.multiples.width)
    z = model.encode(picture)
    grid = facts.multiples.grid(facts.latent_factor)
    assert z.shape == (1, facts.latent_channels, *grid)
    assert model.decode(z).shape == picture.shape
    assert model.preview_matrix.shape == (facts.latent_channels + 1, 3)


@MODELS
def test_guidance_of_one_is_the_prompt_alone(model: Model) -> None:
    positive, negative = torch.randn(1, 4, 2, 2).double(), torch.randn(1, 4, 2, 2).double()
    level = model.levels(500, 2)[0]
    assert torch.allclose(model.guide(positive, negative, 1.0, level), positive, atol=1e-12)
    two = model.guide(positive, negative, 2.0, level)
    assert torch.allclose(two, 2 * positive - negative, atol=1e-12)


def test_another_autoencoder_is_a_class_of_the_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = family_named("sdxl", registry.FAMILIES)
    loader: FamilyLoader = family.load()
    other = replace(loader, classes={**loader.classes, "vae": AutoencoderTiny})
    monkeypatch.setattr(FamilySpec, "load", lambda _: other)
    AutoencoderTiny().save_pretrained(tmp_path / "vae")
    assert isinstance(FolderSource(tmp_path, family).vae(), AutoencoderTiny)
