"""What every family of the registry keeps to."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny
from tiny_flux import TINY_FLUX, tiny_parts
from tiny_sd import TINY_SD15, TINY_SD21, TINY_SDXL, checkpoint_of, load_parts, shared
from torch import Tensor

from scalediff_engine.base.geometry import Size
from scalediff_engine.families import registry
from scalediff_engine.models.autoencoder import Autoencoder
from scalediff_engine.models.components import FamilyLoader
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.loop import run_from_noise
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.progress import meter_for
from scalediff_engine.planning.settings import Settings
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
    load = TINY.get(family.name) or run_path(str(_tiny_file(family)))["load_tiny"]
    return load(family, tmp_path_factory)


def _tiny_file(family: FamilySpec) -> Path:
    """A module in the folder of a family's tests, which has ``load_tiny`` with two arguments."""
    return Path(__file__).parent / family.name / f"tiny_{family.name}.py"


MODELS = pytest.mark.parametrize(
    "model", PRETRAINED, ids=lambda family: family.name, indirect=True, scope="module"
)


def test_names_are_unlike_and_every_family_has_a_tiny_model() -> None:
    names = [family.name for family in registry.FAMILIES]
    assert len(set(names)) == len(names)
    assert all(family.name in TINY or _tiny_file(family).is_file() for family in PRETRAINED)


@FAMILIES
def test_a_spec_is_complete(family: FamilySpec) -> None:
    loader: FamilyLoader = family.load()
    assert isinstance(loader, FamilyLoader)
    assert set(loader.classes) == set(family.parts)
    assert set(family.prefixes) == set(family.parts) - {family.denoiser}
    assert all(form.name.partition("-")[0] == family.name for form in family.forms)
    assert family.pipelines
    for settings in family.shipped.values():
        # a vocabulary whose licence forbids it does not ship
        assert {t.name for t in settings.tokenizers} <= set(loader.tokenizers)
        assert len(loader.tokenizers) == len(family.text_encoders)
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
    if (
        expected.shape[1:] != z.shape[1:] and expected.ndim == z.ndim
    ):  # a variance, which nothing uses
        expected = expected[:, : z.shape[1]]
    # the sign is where the network's time runs to; packing is another order
    values = expected.flatten().sort().values
    assert any(torch.equal((sign * found).flatten().sort().values, values) for sign in (1, -1))


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
    plain = 2 * positive - negative
    guided = [torch.allclose(two[:, i], plain[:, i], atol=1e-12) for i in range(4)]
    untouched = [torch.equal(two[:, i], positive[:, i]) for i in range(4)]
    # every channel is guided, or left as the prompt has it; most are guided
    assert all(a or b for a, b in zip(guided, untouched, strict=True))
    assert sum(guided) >= 3


class WholeAutoencoder(Autoencoder):
    """Another class of diffusers, in the one file that it takes."""

    def _encode(self, pixels: Tensor) -> Tensor:
        return self._vae.encode(pixels).latents

    def _decode(self, z: Tensor) -> Tensor:
        return self._vae.decode(z).sample


@torch.inference_mode()
def test_another_autoencoder_is_a_class_of_the_loader_and_a_class_that_runs_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = family_named("sdxl", registry.FAMILIES)
    loader: FamilyLoader = family.load()
    classes = {**loader.classes, "vae": AutoencoderTiny}
    other = replace(loader, classes=classes, autoencoder=WholeAutoencoder)
    monkeypatch.setattr(FamilySpec, "load", lambda _: other)
    folder = shutil.copytree(shared(tmp_path_factory, "sdxl"), tmp_path / "model")
    vae: Any = AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        scaling_factor=0.7,
        shift_factor=0.1,
    )
    shutil.rmtree(folder / "vae")
    vae.save_pretrained(folder / "vae")
    parts = load_parts(checkpoint_of(folder, "sdxl"), torch.float32)
    model = loader.model(TINY_SDXL, parts, CPU, torch.float32)
    picture = torch.rand(1, 3, 64, 96) * 2 - 1
    z = model.encode(picture)
    assert torch.allclose(z, (vae.encode(picture).latents - 0.1) * 0.7, atol=1e-5)
    assert torch.allclose(model.decode(z), vae.decode(z / 0.7 + 0.1).sample, atol=1e-5)
    settings = Settings(prompt="a tree", steps=1, base_steps=1)
    plan = plan_generate(Size(160, 128), model.facts, settings)
    meter = meter_for(plan, model.facts, settings, lambda _: None)
    assert run_from_noise(plan, settings, model, meter).shape == (1, 3, 128, 160)
