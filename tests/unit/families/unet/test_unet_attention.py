"""The adapter inside a real U-Net of diffusers: small, random weights, all of its layers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.families.unet.attention import halvings, neighborhood_attention

NATIVE = Grid(16, 16)


def tiny_unet(*, only_cross_attention: bool = False) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        block_out_channels=(16, 32, 32),
        layers_per_block=1,
        attention_head_dim=(1, 2, 2),
        cross_attention_dim=16,
        norm_num_groups=8,
        use_linear_projection=True,
        only_cross_attention=only_cross_attention,
    ).eval()


def latents(rows: int, cols: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(batch, 4, rows, cols, generator=generator)
    return z, torch.randn(batch, 5, 16, generator=generator)


def run(unet: UNet2DConditionModel, z: Tensor, words: Tensor) -> Tensor:
    with torch.inference_mode():
        return unet(z, 100, encoder_hidden_states=words).sample


class MaskedProcessor:
    """Self-attention by a mask over all tokens: the independent reference, inside the model."""

    def __init__(self, window: Grid, grid: Grid, offset: Offset) -> None:
        mask = torch.full((grid.cells, grid.cells), -math.inf, dtype=torch.float64)
        for token in range(grid.cells):
            spans = [
                self.span(position, length, view, shift)
                for position, length, view, shift in zip(
                    divmod(token, grid.cols), grid, window, offset, strict=True
                )
            ]
            for row in range(*spans[0]):
                for col in range(*spans[1]):
                    mask[token, row * grid.cols + col] = 0
        self.mask = mask

    @staticmethod
    def span(position: int, length: int, view: int, shift: int) -> tuple[int, int]:
        if view >= length:
            return 0, length
        patch = (position - shift) // (view // 2) * (view // 2) + shift
        start = sorted((0, patch - view // 4, length - view))[1]
        return start, start + view

    def __call__(self, attn: Any, hidden_states: Tensor, **_: object) -> Tensor:
        def heads(t: Tensor) -> Tensor:
            return t.double().unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        q, k, v = (
            heads(attn.to_q(hidden_states)),
            heads(attn.to_k(hidden_states)),
            heads(attn.to_v(hidden_states)),
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + self.mask
        out = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2).float()
        return attn.to_out[0](out)


@pytest.mark.parametrize(
    ("rows", "cols", "offset"),
    [(32, 32, (0, 0)), (32, 20, (5, 3)), (28, 36, (7, 0)), (12, 40, (2, 6))],
)
def test_the_model_with_npa_equals_the_model_with_masked_attention(
    rows: int, cols: int, offset: tuple[int, int]
) -> None:
    unet = tiny_unet()
    z, words = latents(rows, cols, batch=2)
    grid = Grid(rows, cols)
    with neighborhood_attention(unet, native=NATIVE, grid=grid) as tiling:
        tiling.offset = Offset(*offset)
        ours = run(unet, z, words)
    reference = {}
    for name, processor in unet.attn_processors.items():
        level = halvings(name, 3)
        reference[name] = (
            MaskedProcessor(
                Grid(NATIVE.rows >> level, NATIVE.cols >> level),
                Grid(rows >> level, cols >> level),
                Offset(offset[0] >> level, offset[1] >> level),
            )
            if "attn1" in name
            else processor
        )
    unet.set_attn_processor(reference)
    assert (ours - run(unet, z, words)).abs().max() < 1e-5


def test_npa_changes_what_the_model_says_of_a_large_latent() -> None:
    unet = tiny_unet()
    z, words = latents(32, 32)
    plain = run(unet, z, words)
    with neighborhood_attention(unet, native=NATIVE, grid=Grid(32, 32)):
        assert not torch.allclose(run(unet, z, words), plain, atol=1e-4)


@pytest.mark.parametrize(("rows", "cols"), [(16, 16), (8, 12)])
def test_the_native_size_is_untouched_bit_for_bit(rows: int, cols: int) -> None:
    unet = tiny_unet()
    z, words = latents(rows, cols)
    plain = run(unet, z, words)
    with neighborhood_attention(unet, native=NATIVE, grid=Grid(rows, cols)) as tiling:
        tiling.offset = Offset(5, 2)
        assert torch.equal(run(unet, z, words), plain)


def test_a_model_whose_attn1_looks_at_the_words_keeps_it() -> None:
    unet = tiny_unet(only_cross_attention=True)  # of all but its middle
    before = dict(unet.attn_processors)
    z, words = latents(32, 32)
    with neighborhood_attention(unet, native=NATIVE, grid=Grid(32, 32)):
        ours = run(unet, z, words)
        now = dict(unet.attn_processors)
        unet.set_attn_processor({n: now[n] if "mid" in n else before[n] for n in before})
        assert torch.equal(run(unet, z, words), ours)


def test_the_original_processors_come_back() -> None:
    unet = tiny_unet()
    before = dict(unet.attn_processors)
    with neighborhood_attention(unet, native=NATIVE, grid=Grid(32, 32)):
        replaced = [n for n, p in unet.attn_processors.items() if p is not before[n]]
        assert replaced == [n for n in before if "attn1" in n]
    assert all(p is before[n] for n, p in unet.attn_processors.items())


def test_the_original_processors_come_back_after_an_error() -> None:
    unet = tiny_unet()
    before = dict(unet.attn_processors)
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        neighborhood_attention(unet, native=NATIVE, grid=Grid(32, 32)),
    ):
        raise RuntimeError("on purpose")
    assert all(p is before[n] for n, p in unet.attn_processors.items())


def test_levels_are_read_off_the_modules_names() -> None:
    assert halvings("down_blocks.1.attentions.0.attn1.processor", 3) == 1
    assert halvings("mid_block.attentions.0.attn1.processor", 3) == 2
    assert halvings("up_blocks.0.attentions.2.attn1.processor", 3) == 2
    assert halvings("up_blocks.1.attentions.2.attn1.processor", 3) == 1
    with pytest.raises(ValueError, match="no block"):
        halvings("conv_in.processor", 3)
