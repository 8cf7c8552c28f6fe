"""The autoencoder against diffusers' own: a real one, small, with random weights."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from scalediff_engine.base.errors import ModelError
from scalediff_engine.base.geometry import Grid
from scalediff_engine.models import autoencoder as module
from scalediff_engine.models.autoencoder import KLAutoencoder

CPU = torch.device("cpu")
SCALE, SHIFT = 0.7, 0.1
LATENTS = [(5, 7), (16, 16), (24, 5), (19, 11)]
BYTES = [None, 1, 20_000, 100_000, 1_000_000]


def tiny_vae(**config: Any) -> AutoencoderKL:
    torch.manual_seed(0)
    vae = AutoencoderKL(
        **{
            "latent_channels": 4,
            "down_block_types": ("DownEncoderBlock2D",) * 3,
            "up_block_types": ("UpDecoderBlock2D",) * 3,
            "block_out_channels": (8, 16, 16),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "scaling_factor": SCALE,
            "shift_factor": SHIFT,
            **config,
        }
    )
    for layer in vae.modules():
        if isinstance(layer, nn.GroupNorm):  # whose own start hides what is done with them
            nn.init.normal_(layer.weight, 1, 0.3)
            nn.init.normal_(layer.bias, 0, 0.3)
    return vae.eval().requires_grad_(False)


def ours(
    vae: AutoencoderKL,
    working_bytes: int | None = None,
    window: Grid | None = None,
    dtype: torch.dtype = torch.float32,
) -> KLAutoencoder:
    it = KLAutoencoder(copy.deepcopy(vae), CPU, dtype, window)
    it.working_bytes = working_bytes
    return it


def latents(rows: int, cols: int) -> Tensor:
    return torch.randn(1, 4, rows, cols, generator=torch.Generator().manual_seed(1))


def pixels(rows: int, cols: int) -> Tensor:
    return torch.rand(1, 3, rows, cols, generator=torch.Generator().manual_seed(2)) * 2 - 1


def decoded_by_diffusers(vae: AutoencoderKL, z: Tensor) -> Tensor:
    return vae.decode(z / SCALE + SHIFT).sample


def encoded_by_diffusers(vae: AutoencoderKL, picture: Tensor) -> Tensor:
    return (vae.encode(picture).latent_dist.mode() - SHIFT) * SCALE


def assert_same(got: Tensor, want: Tensor, tolerance: float = 1e-4) -> None:
    assert got.shape == want.shape
    assert got.dtype == torch.float32
    assert (got - want).abs().max() < tolerance * want.std()


@pytest.mark.parametrize("working_bytes", BYTES)
@pytest.mark.parametrize(("rows", "cols"), LATENTS)
def test_decoding_in_strips_is_decoding_the_whole(
    rows: int, cols: int, working_bytes: int | None
) -> None:
    vae, z = tiny_vae(), latents(rows, cols)
    assert_same(ours(vae, working_bytes).decode(z), decoded_by_diffusers(vae, z))


@pytest.mark.parametrize("working_bytes", BYTES)
@pytest.mark.parametrize(("rows", "cols"), [(64, 64), (97, 29), (26, 83)])
def test_encoding_in_strips_is_encoding_the_whole(
    rows: int, cols: int, working_bytes: int | None
) -> None:
    vae, picture = tiny_vae(), pixels(rows, cols)
    assert_same(ours(vae, working_bytes).encode(picture), encoded_by_diffusers(vae, picture))


@pytest.mark.parametrize("working_bytes", [None, 1])
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            {"use_quant_conv": False, "use_post_quant_conv": False, "latent_channels": 4},
            id="FLUX's, without convolutions around the latents",
        ),
        pytest.param({"mid_block_add_attention": False}, id="no attention"),
        pytest.param({"layers_per_block": 2, "block_out_channels": (8, 8, 16)}, id="more layers"),
    ],
)
def test_other_autoencoders_are_theirs_too(
    config: dict[str, Any], working_bytes: int | None
) -> None:
    vae, z, picture = tiny_vae(**config), latents(18, 6), pixels(72, 24)
    it = ours(vae, working_bytes)
    assert_same(it.decode(z), decoded_by_diffusers(vae, z))
    assert_same(it.encode(picture), encoded_by_diffusers(vae, picture))


def test_what_it_is_given_stays_as_it_is() -> None:
    it, z, picture = ours(tiny_vae(), 1), latents(18, 6), pixels(72, 24)
    z_before, picture_before = z.clone(), picture.clone()
    it.decode(z)
    it.encode(picture)
    assert torch.equal(z, z_before)
    assert torch.equal(picture, picture_before)


def test_brightness_far_away_counts_everywhere() -> None:
    # statistics are the whole picture's: a strip by itself would not hear of the other end
    it, z = ours(tiny_vae(), 1), latents(32, 6)
    other = z.clone()
    other[:, :, -1] += 5
    difference = (it.decode(z) - it.decode(other)).abs()
    assert difference[:, :, :8].max() > 1e-3


class MaskedAttention:
    """The mid attention by a mask over all pixels: a reference that shares nothing with ours."""

    def __init__(self, grid: Grid, window: Grid) -> None:
        rows, cols = (self.visible(length, view) for length, view in zip(grid, window, strict=True))
        self.mask = (rows[:, None, :, None] & cols[None, :, None, :]).reshape(
            grid.cells, grid.cells
        )

    @staticmethod
    def visible(length: int, view: int) -> Tensor:
        """(length, length) bool: may this query see that key, along one axis?"""
        position = torch.arange(length)
        patch = position // (view // 2) * (view // 2)
        start = (patch - view // 4).clamp(0, max(0, length - view))[:, None]
        return (position >= start) & (position < start + view)

    def __call__(self, attn: Any, hidden_states: Tensor, **_: object) -> Tensor:
        h = attn.group_norm(hidden_states).flatten(2).transpose(1, 2).double()
        q, k, v = (
            nn.functional.linear(h, p.weight.double(), p.bias.double())
            for p in (attn.to_q, attn.to_k, attn.to_v)
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        out = scores.masked_fill(~self.mask, -math.inf).softmax(-1) @ v
        out = attn.to_out[0](out.float()).transpose(1, 2).unflatten(2, hidden_states.shape[2:])
        return out + hidden_states


def with_loud_attention() -> AutoencoderKL:
    """Attention whose choice of keys matters much to the picture."""
    vae = tiny_vae()
    for half in (vae.encoder, vae.decoder):
        attention = half.mid_block.attentions[0]
        for layer in (attention.to_q, attention.to_k, attention.to_v, attention.to_out[0]):
            layer.weight *= 4
    return vae


@pytest.mark.parametrize(("rows", "cols"), [(16, 16), (13, 18), (6, 21)])
def test_beyond_the_native_size_attention_sees_native_windows(rows: int, cols: int) -> None:
    vae, z, window = with_loud_attention(), latents(rows, cols), Grid(8, 8)
    everything = decoded_by_diffusers(vae, z)
    masked = copy.deepcopy(vae)
    masked.set_attn_processor(MaskedAttention(Grid(rows, cols), window))
    assert_same(ours(vae, 1, window).decode(z), decoded_by_diffusers(masked, z))
    assert (decoded_by_diffusers(masked, z) - everything).abs().max() > 0.05 * everything.std()
    picture = pixels(4 * rows, 4 * cols)
    assert_same(ours(vae, 1, window).encode(picture), encoded_by_diffusers(masked, picture))


@pytest.mark.parametrize(("rows", "cols"), [(8, 8), (5, 8), (8, 3)])
def test_up_to_the_native_size_it_is_diffusers_own(rows: int, cols: int) -> None:
    vae, z, picture = with_loud_attention(), latents(rows, cols), pixels(4 * rows, 4 * cols)
    it = ours(vae, window=Grid(8, 8))
    assert_same(it.decode(z), decoded_by_diffusers(vae, z))
    assert_same(it.encode(picture), encoded_by_diffusers(vae, picture))


class Counted:
    """How often, and in which types, layers were run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dtypes: list[torch.dtype] = []
        self._run = module.run_layers
        monkeypatch.setattr(module, "run_layers", self)

    def __call__(self, layers: Any, x: Tensor, working_bytes: int | None) -> Tensor:
        self.dtypes.append(x.dtype)
        return self._run(layers, x, working_bytes)


def beyond_float16() -> AutoencoderKL:
    """Weights that float16 holds and whose activations it does not; normalisation brings back."""
    vae = tiny_vae()
    for half in (vae.encoder, vae.decoder):
        half.conv_in.weight *= 60_000
        half.conv_in.bias *= 60_000
    return vae.to(torch.float16).to(torch.float32)


@pytest.mark.parametrize("working_bytes", [None, 1])
def test_what_overflows_in_16_bits_is_computed_again_in_32(
    monkeypatch: pytest.MonkeyPatch, working_bytes: int | None
) -> None:
    vae, z, runs = beyond_float16(), latents(8, 8), Counted(monkeypatch)
    it = ours(vae, working_bytes, dtype=torch.float16)
    assert_same(it.decode(z), decoded_by_diffusers(vae, z))
    assert runs.dtypes == [torch.float16, torch.float32]
    it.decode(z)  # what overflowed once is not tried again
    picture = pixels(32, 32)
    assert_same(it.encode(picture), encoded_by_diffusers(vae, picture))
    assert runs.dtypes[2:] == [torch.float32, torch.float32]


def test_an_overflow_on_the_way_to_the_latents_is_seen_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vae, picture, runs = tiny_vae(), pixels(32, 32), Counted(monkeypatch)
    assert vae.quant_conv is not None
    vae.quant_conv.weight *= 60_000
    vae.encoder.conv_out.weight *= 100
    vae.to(torch.float16).to(torch.float32)
    got = ours(vae, dtype=torch.float16).encode(picture)
    assert_same(got, encoded_by_diffusers(vae, picture))
    assert runs.dtypes == [torch.float16, torch.float32]


def test_what_fits_into_16_bits_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, it = Counted(monkeypatch), ours(tiny_vae(), dtype=torch.bfloat16)
    want = decoded_by_diffusers(tiny_vae(), latents(8, 8))
    assert_same(it.decode(latents(8, 8)), want, tolerance=0.3)
    assert runs.dtypes == [torch.bfloat16]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_weights_that_are_no_numbers_give_an_error_and_no_picture(
    dtype: torch.dtype, broken: float
) -> None:
    vae = tiny_vae()
    vae.encoder.conv_out.weight[0, 0, 0, 0] = broken
    vae.decoder.conv_out.weight[0, 0, 0, 0] = broken
    it = ours(vae, dtype=dtype)
    with pytest.raises(ModelError, match="autoencoder gives values that are not finite numbers"):
        it.decode(latents(8, 8))
    with pytest.raises(ModelError, match="32-bit arithmetic too; its weights may be damaged"):
        it.encode(pixels(32, 32))


def test_a_latent_that_is_no_numbers_is_not_the_autoencoders_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs, it, z = Counted(monkeypatch), ours(tiny_vae(), dtype=torch.float16), latents(8, 8)
    z[0, 0, 3, 3] = math.nan
    with pytest.raises(ModelError, match="The model's result holds values"):
        it.decode(z)
    assert runs.dtypes == [torch.float16]
