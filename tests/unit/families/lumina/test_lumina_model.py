"""Lumina-Next as a model: against diffusers' pipeline, from its folder, beyond its size."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LuminaPipeline
from tiny_lumina import SPEC, TEXT_WIDTH, TINY_LUMINA, load_folder, write_lumina
from torch import Tensor

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Grid, Size
from scalediff_engine.bench import speed
from scalediff_engine.families import registry
from scalediff_engine.families.lumina.model import LuminaModel
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.models.components import Components
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.pipeline.loop import run_from_noise, run_stages
from scalediff_engine.planning.plan import plan_upscale, stage_loads
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.progress import Meter, meter_for
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.spec.family import ShippedSettings

PROMPT, NEGATIVE = "A stone on a hill ", "blurry"
SETTINGS = Settings(prompt=PROMPT, negative=NEGATIVE, steps=2, base_steps=3, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lumina(tmp_path_factory.mktemp("lumina"))


@pytest.fixture(scope="module")
def model(folder: Path) -> LuminaModel:
    return load_folder(folder)


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Any:
    loaded = LuminaPipeline.from_pretrained(folder, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def noise(grid: tuple[int, int]) -> Tensor:
    return torch.randn(1, 4, *grid, generator=torch.Generator().manual_seed(5))


def by_pipeline(pipeline: Any, z: Tensor, output_type: str) -> Tensor:
    return pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        width=8 * z.shape[3],
        height=8 * z.shape[2],
        num_inference_steps=3,
        guidance_scale=4.0,
        clean_caption=False,
        latents=z,
        output_type=output_type,
    ).images


def generated(model: LuminaModel, target: Size, settings: Settings = SETTINGS) -> Tensor:
    plan = plan_generate(target, model.facts, settings)
    meter = meter_for(plan, model.facts, settings, lambda _: None)
    return run_from_noise(plan, settings, model, meter)


@pytest.mark.parametrize("grid", [(16, 16), (8, 32), (14, 18), (12, 12), (20, 22)])
@torch.inference_mode()
def test_the_untouched_network_is_sampled_as_by_diffusers_pipeline(
    model: LuminaModel, pipeline: Any, grid: tuple[int, int]
) -> None:
    """At the native size, at other proportions, smaller, and larger without windows."""
    z = noise(grid)
    want = by_pipeline(pipeline, z, "latent")
    condition = model.condition(PROMPT, NEGATIVE)
    for level, following in pairwise(model.base_levels(3)):
        outputs = [
            model.predict(z, level, w, 4.0) for w in (condition.positive, condition.negative)
        ]
        z = z + (following.sigma - level.sigma) * model.guide(*outputs, 4.0, level)
    assert (z - want).abs().max() < 1e-4 * want.std()


@torch.inference_mode()
def test_generate_at_the_native_size_is_diffusers_pipeline(
    model: LuminaModel, pipeline: Any
) -> None:
    want = by_pipeline(pipeline, noise((16, 16)), "pt")
    got = generated(model, Size(128, 128))
    assert ((got / 2 + 0.5).clamp(0, 1) - want).abs().max() < 1e-4


@torch.inference_mode()
def test_prompts_are_encoded_as_by_diffusers_pipeline(model: LuminaModel, pipeline: Any) -> None:
    tokens, mask, negative, negative_mask = pipeline.encode_prompt(
        PROMPT, negative_prompt=NEGATIVE, clean_caption=False
    )
    condition = model.condition(PROMPT, NEGATIVE)
    for words, embedded, seen in (
        (condition.positive, tokens, mask),
        (condition.negative, negative, negative_mask),
    ):
        assert words.mask is not None
        assert words.tokens.shape[2] == TEXT_WIDTH
        got, want = words.without_masked().tokens[0], embedded[0, seen[0].bool()]
        assert got.shape == want.shape
        assert (got - want).abs().max() < 1e-5


def test_a_long_prompt_keeps_all_of_its_tokens(model: LuminaModel) -> None:
    words = model.condition("a stone on a hill " * 20, "").positive
    assert words.without_masked().tokens.shape[1] > 256


@pytest.mark.parametrize("target", [Size(256, 256), Size(200, 330)])
@torch.inference_mode()
def test_beyond_the_native_size_a_picture_is_made_and_made_again(
    model: LuminaModel, target: Size
) -> None:
    first, second = (generated(model, target) for _ in range(2))
    assert first.shape == (1, 3, target.height, target.width)
    assert first.isfinite().all()
    assert torch.equal(first, second)
    direct = generated(model, target, replace(SETTINGS, attention=Attention.DIRECT))
    assert not torch.allclose(first, direct, atol=1e-3)


@torch.inference_mode()
def test_a_picture_is_enlarged_alike_under_every_memory_plan(model: LuminaModel) -> None:
    source = torch.rand(1, 3, 90, 120, generator=torch.Generator().manual_seed(3)) * 2 - 1
    plan = plan_upscale(Size(120, 90), Size(330, 250), model.facts, SETTINGS)
    assert len(plan.stages) > 1
    pictures: list[Tensor] = []
    for memory in (MemoryPlan(), MemoryPlan(0, 100_000, 0, 0)):
        loads = stage_loads(plan, model.facts, SETTINGS)
        steps = [stage.steps for stage in plan.stages]
        meter = Meter(model.facts.footprint, loads, steps, lambda _: None)
        planned = replace(plan, memory=(memory,))
        pictures.append(run_stages(source, planned, SETTINGS, model, meter))
    model.arrange(MemoryPlan())
    assert pictures[0].shape == (1, 3, 250, 330)
    assert (pictures[1] - pictures[0]).abs().max() < 2e-4


@torch.inference_mode()
def test_two_prompts_are_one_batch(model: LuminaModel) -> None:
    condition = model.condition(PROMPT, NEGATIVE)
    both = PromptEmbeddings.batched(condition.positive, condition.negative)
    z, level = noise((32, 20)), model.levels(600, 2)[0]
    with model.neighborhood_attention(Grid(32, 20)):
        together = model.predict(z, level, both, 4.0)
        alone = [model.predict(z, level, w, 4.0) for w in (condition.positive, condition.negative)]
    assert (together - torch.cat(alone)).abs().max() < 1e-5


@torch.inference_mode()
def test_windows_see_positions_as_trained_and_the_untouched_network_squeezed_ones(
    model: LuminaModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    network: Any = model._transformer
    seen: list[Tensor] = []
    forward = network.forward

    def watched(**given: Any) -> Any:
        seen.append(given["image_rotary_emb"])
        return forward(**given)

    monkeypatch.setattr(network, "forward", watched)
    words, level = model.condition(PROMPT, "").positive, model.levels(600, 2)[0]
    z, grid = noise((32, 32)), Grid(32, 32)
    with model.neighborhood_attention(grid):
        model.predict(z, level, words, 4.0)
    model.predict(z, level, words, 4.0)
    model.predict(z[..., :16, :16], level, words, 4.0)
    windows, direct, native = seen
    assert torch.equal(windows[:8, :8], native)
    assert torch.allclose(direct[::2, ::2], native, atol=1e-6)


def test_guidance_changes_three_channels(model: LuminaModel) -> None:
    positive, negative = noise((2, 2)), noise((4, 4))[..., :2, :2]
    out = model.guide(positive, negative, 3.0, model.levels(500, 1)[0])
    assert torch.equal(out[:, 3], positive[:, 3])
    assert torch.allclose(out[:, :3], (negative + 3 * (positive - negative))[:, :3])


def test_a_schedule_that_depends_on_the_size_is_refused(model: LuminaModel) -> None:
    parts = Components(
        denoiser=model._transformer,
        vae=model._vae._vae,
        scheduler={"use_dynamic_shifting": True},
        encode_text=model._encode_text,
        weights_hash="",
    )
    with pytest.raises(ModelError, match="use_dynamic_shifting"):
        LuminaModel(TINY_LUMINA, parts, model.device, torch.float32)


def test_the_bench_measures_random_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {"base": ShippedSettings(folder, (), (5, TEXT_WIDTH, 0))}
    tiny = replace(SPEC, forms=(TINY_LUMINA,), shipped=shipped)
    monkeypatch.setattr(registry, "FAMILIES", (tiny,))
    monkeypatch.setattr(speed, "matrix_peak", lambda _: 1.0)
    request = speed.Request("lumina", True, (256,), ("npa",), "cpu", repeats=1, whole=(256,))
    rows = speed.measure_speed(request, lambda _: None).rows
    assert [row["what"] for row in rows] == ["step", "encode", "decode", "upscale"]
    assert rows[0]["batch"] == 2
    assert rows[0]["tflop"] > 0
