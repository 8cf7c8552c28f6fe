"""The quicker forms of a U-Net's blocks against diffusers' own, with random weights."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from tiny_sd import WIDTH, write_sd, write_sdxl
from torch import Tensor, nn

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.families.unet.attention import neighborhood_attention
from scalediff_engine.families.unet.fast_unet import (
    is_plain_resnet,
    make_fast,
    repeated_blocks,
    resnet_forward,
)


def stirred(module: nn.Module) -> Any:
    """With biases and norms that matter: their own start hides what is done with them."""
    torch.manual_seed(5)
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, 1.0 if "norm" in name and "weight" in name else 0.0, 0.3)
    return module.eval().requires_grad_(False).to(memory_format=torch.channels_last)


@pytest.fixture(scope="module", params=["sdxl", "sd15"])
def unet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """SDXL's projects with linear layers, SD 1.5's with convolutions."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    write_sdxl(folder) if request.param == "sdxl" else write_sd(folder)
    return stirred(UNet2DConditionModel.from_pretrained(folder / "unet"))


def run(unet: Any, z: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(6)
    n, sdxl = len(z), unet.config["addition_embed_type"] is not None
    channels = unet.config["cross_attention_dim"]
    added = {
        "text_embeds": torch.randn(n, WIDTH, generator=generator),
        "time_ids": torch.full((n, 6), 128.0),
    }
    words = torch.randn(n, 7, channels, generator=generator)
    with torch.inference_mode():
        return unet(
            z.contiguous(memory_format=torch.channels_last),
            300,
            encoder_hidden_states=words,
            added_cond_kwargs=added if sdxl else None,
        ).sample


def latents(n: int, rows: int, cols: int) -> Tensor:
    return torch.randn(n, 4, rows, cols, generator=torch.Generator().manual_seed(7))


def made_fast(unet: Any) -> Any:
    fast = copy.deepcopy(unet)
    make_fast(fast)
    return fast


@pytest.mark.parametrize(("n", "rows", "cols"), [(1, 16, 16), (2, 24, 16)])
def test_the_fast_form_says_the_same(unet: Any, n: int, rows: int, cols: int) -> None:
    z = latents(n, rows, cols)
    want = run(unet, z)
    got = run(made_fast(unet), z)
    assert (got - want).abs().max() < 1e-4 * want.std()


def test_it_says_the_same_with_neighborhoods(unet: Any) -> None:
    z, grid, native = latents(2, 40, 32), Grid(40, 32), Grid(16, 16)
    said: list[Tensor] = []
    for form in (copy.deepcopy(unet), made_fast(unet)):
        with neighborhood_attention(form, native=native, grid=grid) as tiling:
            tiling.offset = Offset(3, 5)
            said.append(run(form, z))
    assert (said[1] - said[0]).abs().max() < 1e-4 * said[0].std()


def test_every_block_gets_its_fast_form(unet: Any) -> None:
    fast = made_fast(unet)
    for module in fast.modules():
        if isinstance(module, ResnetBlock2D):
            assert "forward" in vars(module)
        if isinstance(module, Transformer2DModel):
            assert "forward" in vars(module.norm)
    assert "forward" in vars(fast.conv_norm_out)


def test_pictures_stay_channels_last_behind_every_attention(unet: Any) -> None:
    fast, kept = made_fast(unet), []
    for module in fast.modules():
        if isinstance(module, Transformer2DModel):
            module.register_forward_hook(
                lambda _, __, out: kept.append(
                    out[0].is_contiguous(memory_format=torch.channels_last)
                )
            )
    run(fast, latents(1, 16, 16))
    assert kept
    assert all(kept)


def test_repeated_blocks_are_in_the_order_in_which_they_run(unet: Any) -> None:
    ran: list[nn.Module] = []
    watched = copy.deepcopy(unet)
    for module in watched.modules():
        if isinstance(module, BasicTransformerBlock):
            module.register_forward_hook(lambda module, _, __: ran.append(module))
    run(watched, latents(1, 16, 16))
    assert ran == repeated_blocks(watched)


def resnet(**config: Any) -> Any:
    return stirred(ResnetBlock2D(**{"in_channels": 8, "temb_channels": 6, "groups": 4, **config}))


def without_biases() -> Any:
    block = resnet(out_channels=16)
    block.conv1.bias = block.conv2.bias = block.conv_shortcut.bias = None
    return block


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(resnet(), id="as many channels"),
        pytest.param(resnet(out_channels=16), id="more channels"),
        pytest.param(resnet(out_channels=16, conv_shortcut_bias=False), id="shortcut without bias"),
        pytest.param(resnet(output_scale_factor=2.0), id="scaled"),
        pytest.param(resnet(temb_channels=None), id="an autoencoder's, without time"),
        pytest.param(without_biases(), id="no biases"),
    ],
)
def test_a_residual_block_does_the_same(block: Any) -> None:
    assert is_plain_resnet(block)
    torch.manual_seed(8)
    x = torch.randn(2, 8, 7, 9).contiguous(memory_format=torch.channels_last)
    temb = None if block.time_emb_proj is None else torch.randn(2, 6)
    before = x.clone()
    want = block(x, temb)
    assert (resnet_forward(block, x, temb) - want).abs().max() < 1e-5
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "config",
    [
        {"up": True},
        {"down": True},
        {"non_linearity": "gelu"},
        {"time_embedding_norm": "scale_shift"},
        {"skip_time_act": True},
    ],
)
def test_blocks_of_other_kinds_are_left_alone(config: dict[str, Any]) -> None:
    assert not is_plain_resnet(resnet(**config))
