"""The model that ships, with its real weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalediff_engine.base.errors import ModelMissing, UsageError
from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.families import registry as families
from scalediff_engine.families.embedded.model import (
    CONFIG_FILES,
    CONTENT_WORDS,
    FOLDER,
    QUALITY_WORDS,
    WEIGHT_FILES,
    EmbeddedModel,
    chosen_token,
    hash_of_files,
    load_embedded,
)
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.models.device import pick_device


@pytest.fixture(scope="module")
def model() -> EmbeddedModel:
    return load_embedded(EMBEDDED, torch.device("cpu"))


def test_facts_agree_with_the_weights(model: EmbeddedModel) -> None:
    assert model._unet.config["sample_size"] * EMBEDDED.latent_factor == EMBEDDED.native.width
    factor = 2 ** (len(model._vae.config["block_out_channels"]) - 1)
    assert factor == EMBEDDED.latent_factor
    halvings = len(model._unet.config["down_block_types"]) - 1
    assert EMBEDDED.multiple == factor * 2**halvings
    channels = model._vae.config["latent_channels"]
    assert model.preview_matrix.shape == (channels + 1, 3)
    assert len(model.schedule.alphas_cumprod) == EMBEDDED.train_timesteps


@torch.inference_mode()
def test_the_native_size_is_the_untouched_model_bit_for_bit(model: EmbeddedModel) -> None:
    grid = EMBEDDED.native.grid(EMBEDDED.latent_factor)
    channels = model._unet.config["in_channels"]
    z = torch.randn(1, channels, *grid, generator=torch.Generator().manual_seed(0))
    level = model.levels(40, 5)[0]
    words = model.condition("", "").positive
    plain = model.predict(z, level, words, 1.0)
    with model.neighborhood_attention(grid) as tiling:
        tiling.offset = Offset(7, 3)
        assert torch.equal(model.predict(z, level, words, 1.0), plain)


@torch.inference_mode()
def test_a_picture_survives_the_autoencoder(model: EmbeddedModel) -> None:
    rows, cols = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 96), indexing="ij")
    x = torch.stack([rows, cols, rows * cols])[None] * 0.8
    z = model.encode(x)
    assert z.shape[-2:] == (16, 24)
    assert (model.decode(z) - x).square().mean() < 10 ** (-26 / 10) * 4


def test_words_of_the_prompt_choose_the_tokens(model: EmbeddedModel) -> None:
    def token(name: str) -> Tensor:
        return model._tokens[model._names.index(name)]

    def halves(prompt: str, negative: str = "") -> tuple[Tensor, Tensor, Tensor, Tensor]:
        condition = model.condition(prompt, negative)
        return (
            *condition.positive.tokens[0].chunk(2),
            *condition.negative.tokens[0].chunk(2),
        )

    content, quality, other_content, other_quality = halves("A painted castle")
    assert torch.equal(content, token("painting"))
    assert torch.equal(quality, token("sharp"))
    assert torch.equal(other_content, token("null"))
    assert torch.equal(other_quality, token("soft"))
    assert torch.equal(halves("")[0], token("photo"))
    assert torch.equal(halves("an old castle")[0], token("null"))
    assert torch.equal(halves("blurry fabric")[1], token("soft"))
    assert torch.equal(halves("", "sharp texture")[2], token("texture"))


def test_whole_words_count_and_the_first_one_wins() -> None:
    assert chosen_token("smart photography", CONTENT_WORDS) == "photo"
    assert chosen_token("smart", CONTENT_WORDS) is None
    assert chosen_token("Texture of a painting", CONTENT_WORDS) == "texture"
    assert chosen_token("", QUALITY_WORDS) is None


def test_an_incomplete_installation_is_told_with_the_file(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "vae", tmp_path / "vae")
    with pytest.raises(ModelMissing, match=r"diffusion_pytorch_model\.safetensors is missing"):
        load_embedded(EMBEDDED, torch.device("cpu"), tmp_path)


def test_the_hash_is_of_weights_and_configuration(model: EmbeddedModel) -> None:
    assert model.weights_hash == hash_of_files([FOLDER / n for n in (*WEIGHT_FILES, *CONFIG_FILES)])


def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    with pytest.raises(ModelMissing, match=r"'sdxxl'\. Known names: embedded"):
        families.load("sdxxl")


@pytest.mark.parametrize("word", ["cuda:99", "toaster", "meta"])
def test_a_device_that_is_not_there_is_told_with_those_that_are(word: str) -> None:
    with pytest.raises(UsageError, match=f"'{word}' here. This machine has: .*cpu"):
        pick_device(word)


def test_the_cpu_is_always_there() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in {"cpu", "cuda", "mps", "xpu"}


def test_the_preview_looks_like_the_picture(model: EmbeddedModel) -> None:
    from scalediff_engine.pipeline.loop import preview

    x = torch.zeros(1, 3, 64, 64)
    x[:, 0, :, 32:] = 0.8  # the right half is redder
    with torch.inference_mode():
        shown = preview(model.encode(x), model.preview_matrix)
    assert shown.shape == (16, 16, 3)
    assert shown[:, 11:, 0].mean() > shown[:, :5, 0].mean() + 60


def test_grids_of_any_size_go_through(model: EmbeddedModel) -> None:
    channels = model._unet.config["in_channels"]
    z = torch.randn(1, channels, 68, 76)
    with torch.inference_mode(), model.neighborhood_attention(Grid(68, 76)):
        out = model.predict(z, model.levels(40, 5)[0], model.condition("", "").positive, 1.0)
    assert out.shape == z.shape
