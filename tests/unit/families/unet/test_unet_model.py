"""SD's and SDXL's U-Nets behind the contract of the loop: real classes, tiny, random weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.pipelines.latent_consistency_models.pipeline_latent_consistency_text2img import (
    LatentConsistencyModelPipeline,
)
from test_unet_attention import MaskedProcessor
from tiny_sd import TINY_SD15, TINY_SD21, TINY_SDXL, checkpoint_of, load_parts, shared, write_sd
from torch import Tensor

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Grid, Offset, Size
from scalediff_engine.families.few_steps import few_steps
from scalediff_engine.families.unet.attention import halvings
from scalediff_engine.families.unet.model import (
    UNetModel,
    discrete_schedule,
    guidance_embedding,
    size_ids,
)
from scalediff_engine.images.picture import Picture
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method.noise import CLEAN, Prediction
from scalediff_engine.models.components import Components
from scalediff_engine.models.model import PromptEmbeddings
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.settings import Settings
from scalediff_engine.spec.family import FamilyFacts

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "sdxl")


@pytest.fixture(scope="module")
def sdxl(sdxl_folder: Path) -> UNetModel:
    return model_of(checkpoint_of(sdxl_folder, "sdxl"), TINY_SDXL)


@pytest.fixture(scope="module")
def sd15_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "sd15")


@pytest.fixture(scope="module")
def sd15(sd15_folder: Path) -> UNetModel:
    return model_of(checkpoint_of(sd15_folder, "sd15"), TINY_SD15)


@pytest.fixture(scope="module")
def sd21(tmp_path_factory: pytest.TempPathFactory) -> UNetModel:
    folder = shared(tmp_path_factory, "sd21")
    return model_of(checkpoint_of(folder, "sd21", prediction="v_prediction"), TINY_SD21)


def model_of(checkpoint: Any, facts: FamilyFacts) -> UNetModel:
    return UNetModel(facts, load_parts(checkpoint, torch.float32), CPU, torch.float32)


def latent(rows: int, cols: int) -> Tensor:
    return torch.randn(1, 4, rows, cols, generator=torch.Generator().manual_seed(3))


def predict(model: UNetModel, z: Tensor, words: PromptEmbeddings, guidance: float = 1.0) -> Tensor:
    with torch.inference_mode():
        return model.predict(z, model.levels(400, 4)[1], words, guidance)


@pytest.fixture(params=["sdxl", "sd15", "sd21"])
def model(request: pytest.FixtureRequest) -> UNetModel:
    return request.getfixturevalue(request.param)


def test_facts_agree_with_the_shapes(model: UNetModel) -> None:
    factor = model.facts.latent_factor
    with torch.inference_mode():
        assert model.encode(torch.zeros(1, 3, 64, 128)).shape == (1, 4, 64 / factor, 128 / factor)
    levels = len(model._unet.config["down_block_types"])
    assert model.facts.multiple == factor * 2 ** (levels - 1)
    assert len(model.schedule.alphas_cumprod) == model.facts.train_timesteps
    assert model.preview_matrix.shape == (5, 3)


def test_the_native_size_is_untouched_bit_for_bit(model: UNetModel) -> None:
    grid = model.facts.native.grid(8)
    words = model.condition("sharp castle", "").positive
    plain = predict(model, latent(*grid), words)
    with model.neighborhood_attention(grid) as tiling:
        tiling.offset = Offset(7, 3)
        assert torch.equal(predict(model, latent(*grid), words), plain)


@pytest.mark.parametrize(("rows", "cols", "offset"), [(32, 24, (5, 3)), (20, 36, (0, 6))])
def test_sdxl_with_npa_equals_sdxl_with_masked_attention(
    sdxl: UNetModel, rows: int, cols: int, offset: tuple[int, int]
) -> None:
    native = TINY_SDXL.native.grid(8)
    words = sdxl.condition("sharp castle", "").positive
    with sdxl.neighborhood_attention(Grid(rows, cols)) as tiling:
        tiling.offset = Offset(*offset)
        ours = predict(sdxl, latent(rows, cols), words)
    originals = dict(sdxl._unet.attn_processors)
    reference: dict[str, Any] = {}
    for name, processor in originals.items():
        level = halvings(name, 3)
        reference[name] = (
            MaskedProcessor(
                Grid(native.rows >> level, native.cols >> level),
                Grid(rows >> level, cols >> level),
                Offset(offset[0] >> level, offset[1] >> level),
            )
            if "attn1" in name
            else processor
        )
    sdxl._unet.set_attn_processor(reference)
    try:
        masked = predict(sdxl, latent(rows, cols), words)
    finally:
        sdxl._unet.set_attn_processor(dict(originals))
    assert (ours - masked).abs().max() < 1e-5
    assert not torch.allclose(ours, predict(sdxl, latent(rows, cols), words), atol=1e-4)


def test_half_the_precision_gives_about_the_same_and_float32_out(
    sdxl: UNetModel, sdxl_folder: Path
) -> None:
    parts = load_parts(checkpoint_of(sdxl_folder, "sdxl"), torch.bfloat16)
    half = UNetModel(TINY_SDXL, parts, CPU, torch.bfloat16)
    outputs = [
        predict(model, latent(24, 32), model.condition("sharp castle", "").positive)
        for model in (sdxl, half)
    ]
    assert outputs[1].dtype is torch.float32
    assert (outputs[0] - outputs[1]).abs().mean() < 0.02 * outputs[0].abs().mean()
    with torch.inference_mode():
        assert half.decode(outputs[1]).dtype is torch.float32


def test_two_prompts_at_once_are_one_and_one(model: UNetModel) -> None:
    condition = model.condition("sharp castle", "blur")
    z = latent(32, 40)
    both = predict(model, z, PromptEmbeddings.batched(condition.positive, condition.negative))
    each = [predict(model, z, words) for words in (condition.positive, condition.negative)]
    assert both.dtype is torch.float32
    assert (both - torch.cat(each)).abs().max() < 1e-5
    assert (both[0] - both[1]).abs().max() > 1e-4


def test_the_size_said_to_sdxl_is_the_native_one_at_every_stage(sdxl: UNetModel) -> None:
    words = sdxl.condition("sharp castle", "").positive
    z = latent(24, 40)
    assert words.pooled is not None
    with torch.inference_mode():
        expected = sdxl._unet(
            z,
            sdxl.levels(400, 4)[1].timestep,
            encoder_hidden_states=words.tokens,
            added_cond_kwargs={
                "text_embeds": words.pooled,
                "time_ids": torch.tensor([[128.0, 128.0, 0.0, 0.0, 128.0, 128.0]]),
            },
        ).sample
    assert torch.equal(predict(sdxl, z, words), expected)
    assert size_ids(Size(832, 1216)).tolist() == [[1216, 832, 0, 0, 1216, 832]]


def test_no_negative_words_are_zeros_for_sdxl_and_an_empty_prompt_for_the_others(
    sdxl: UNetModel, sd15: UNetModel
) -> None:
    negative = sdxl.condition("", "").negative
    assert negative.pooled is not None
    assert not negative.tokens.any()
    assert not negative.pooled.any()
    assert sd15.condition("", "").negative.tokens.any()


def test_no_words_are_the_familys_own(sd15: UNetModel) -> None:
    default = sd15.condition(TINY_SD15.default_prompt, "").positive.tokens
    assert torch.equal(sd15.condition("", "").positive.tokens, default)


def test_a_long_prompt_beside_a_short_one_still_makes_a_batch(sdxl: UNetModel) -> None:
    condition = sdxl.condition("sharp castle " * 20, "blur")
    assert condition.positive.tokens.shape == condition.negative.tokens.shape
    assert condition.positive.tokens.shape[1] > 77
    both = PromptEmbeddings.batched(condition.positive, condition.negative)
    assert predict(sdxl, latent(16, 16), both).shape == (2, 4, 16, 16)


@pytest.mark.parametrize("guidance", [1.0, 8.0])
def test_guidance_is_said_to_consistency_models_as_they_learnt_it(guidance: float) -> None:
    expected = LatentConsistencyModelPipeline.get_guidance_scale_embedding(
        None, torch.tensor([guidance - 1]), embedding_dim=256
    )
    assert torch.allclose(guidance_embedding(guidance, 256), expected, atol=1e-3)
    assert guidance_embedding(guidance, 7).shape == (1, 7)


def test_a_consistency_model_hears_guidance_and_others_do_not(
    tmp_path: Path, sd15: UNetModel
) -> None:
    folder = write_sd(tmp_path, time_cond_proj_dim=16)
    lcm = model_of(checkpoint_of(folder, "sd15", variant="lcm"), TINY_SD15)
    for model, hears in ((lcm, True), (sd15, False)):
        words = model.condition("", "").positive
        low, high = (predict(model, latent(16, 16), words, guidance) for guidance in (1.0, 8.0))
        assert torch.equal(low, high) is not hears


def test_the_levels_are_the_schedulers(sdxl: UNetModel, sd21: UNetModel) -> None:
    table = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    levels = sdxl.levels(400, 20)
    assert len(levels) == 21
    assert levels[-1] == CLEAN
    assert levels[0].alpha == pytest.approx(float(table.alphas_cumprod[400]) ** 0.5)
    assert sdxl.schedule.prediction is Prediction.EPSILON
    assert sd21.schedule.prediction is Prediction.V


def parts_with(parts: Components, **scheduler: object) -> Components:
    return replace(parts, scheduler={**parts.scheduler, **scheduler})


@pytest.fixture(scope="module")
def parts(sd15_folder: Path) -> Components:
    return load_parts(checkpoint_of(sd15_folder, "sd15"), torch.float32)


def test_a_zero_terminal_signal_is_heeded(parts: Components) -> None:
    usual = discrete_schedule(parts).alphas_cumprod
    rescaled = discrete_schedule(parts_with(parts, rescale_betas_zero_snr=True)).alphas_cumprod
    assert usual[-1] > 1e-3
    assert rescaled[-1] < 1e-6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prediction_type": "sample"}, r"predicts 'sample'.* epsilon and v_prediction"),
        ({"beta_schedule": "zigzag"}, "zigzag"),
    ],
)
def test_an_unknown_schedule_is_told(
    parts: Components, wrong: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        discrete_schedule(parts_with(parts, **wrong))


def test_a_memory_plan_reaches_the_autoencoder(sd15: UNetModel) -> None:
    sd15.arrange(MemoryPlan(vae_bytes=12_345_678))
    assert sd15._vae.working_bytes == 12_345_678
    sd15.arrange(MemoryPlan())
    assert sd15._vae.working_bytes is None


def test_a_picture_goes_through_two_stages_and_is_the_same_again(sdxl: UNetModel) -> None:
    pixels = np.random.default_rng(0).random((112, 128, 3), dtype=np.float32) * 0.4 + 0.3
    settings = Settings(steps=2, prompt="sharp castle", guided_sigmas=(0, 10))

    def run(seeded: Settings) -> np.ndarray[Any, np.dtype[np.float32]]:
        plan = plan_upscale(Size(128, 112), Size(500, 440), TINY_SDXL, seeded)
        assert sum(stage.steps > 0 for stage in plan.stages) == 2
        seen: Sequence[Any] = (Picture(pixels), plan, seeded, sdxl, lambda _: None)
        return upscale(*seen).pixels

    result = run(settings)
    assert result.shape == (440, 500, 3)
    assert np.isfinite(result).all()
    assert np.array_equal(result, run(settings))
    assert not np.array_equal(result, run(replace(settings, seed=1)))


def test_pictures_of_the_native_area_are_the_models_own_in_any_proportions(
    sdxl: UNetModel,
) -> None:
    words = sdxl.condition("sharp castle", "").positive
    wide = latent(8, 32)  # as many latents as the native square
    assert Grid(8, 32).cells == TINY_SDXL.native.grid(8).cells
    with sdxl.neighborhood_attention(Grid(8, 32)):
        attached = predict(sdxl, wide, words)
    assert torch.equal(attached, predict(sdxl, wide, words))


def test_sdxl_hears_the_size_of_the_base_in_its_own_proportions(sdxl: UNetModel) -> None:
    square = sdxl.condition("sharp castle", "").positive
    wide = sdxl.condition("sharp castle", "", Size(160, 96)).positive
    assert square.sizes is not None
    assert wide.sizes is not None
    native = TINY_SDXL.native
    assert square.sizes.tolist() == [[native.height, native.width, 0, 0, *reversed(native)]]
    assert wide.sizes.tolist() == [[96, 160, 0, 0, 96, 160]]
    assert PromptEmbeddings.batched(square, wide).sizes is not None
    z = latent(12, 20)
    assert not torch.equal(predict(sdxl, z, square), predict(sdxl, z, wide))


def test_the_base_follows_the_spacing_of_the_checkpoints_scheduler(parts: Components) -> None:
    def timesteps(facts: FamilyFacts, **scheduler: object) -> list[float]:
        model = UNetModel(facts, parts_with(parts, **scheduler), CPU, torch.float32)
        levels = model.base_levels(4)
        assert levels[-1] == CLEAN
        return [round(level.timestep, 6) for level in levels[:-1]]

    leading = {"timestep_spacing": "leading", "steps_offset": 1}
    assert timesteps(TINY_SD15, **leading) == [751, 501, 251, 1]
    assert timesteps(TINY_SD15, timestep_spacing="linspace") == [999, 666, 333, 0]
    assert timesteps(TINY_SD15, timestep_spacing="trailing") == [999, 749, 499, 249]
    distilled = few_steps(TINY_SD15, "lightning")
    assert timesteps(distilled, **leading) == [999, 749, 499, 249]


def test_an_unknown_spacing_is_named(parts: Components) -> None:
    unknown = parts_with(parts, timestep_spacing="golden")
    with pytest.raises(ModelError, match="timestep spacing 'golden'"):
        UNetModel(TINY_SD15, unknown, CPU, torch.float32)
