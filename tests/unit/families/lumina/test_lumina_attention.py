"""NPA inside diffusers' Lumina-Next transformer, against attention written another way."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest
import torch
from tiny_lumina import TEXT_WIDTH, tiny_transformer
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.families.lumina.attention import (
    has_windows,
    neighborhood_attention,
    proportional_scale,
)
from scalediff_engine.families.lumina.model import rotary_embedding

CPU = torch.device("cpu")
TOKENS = 5
BASE = 36  # tokens that the tiny network would have been trained with
DEPTH = 8


def inputs(grid: Grid, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    """What the transformer takes for a grid of tokens, with two prompts of unlike length."""
    generator = torch.Generator().manual_seed(grid.cells)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    mask = torch.ones(2, TOKENS, dtype=torch.bool)
    mask[1, 2:] = False
    return {
        "hidden_states": draw(2, 4, 2 * grid.rows, 2 * grid.cols),
        "timestep": torch.tensor([0.4, 0.4]),
        "encoder_hidden_states": draw(2, TOKENS, TEXT_WIDTH),
        "encoder_mask": mask,
        "image_rotary_emb": rotary_embedding(DEPTH, grid, 1.0, CPU),
        "cross_attention_kwargs": {"base_sequence_length": BASE},
    }


def turned(x: Tensor, rotary: Tensor) -> Tensor:
    """Rotate channel pairs; (..., D) by (..., D/2) complex."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * rotary.to(torch.complex128)).flatten(-2)


def window_start(position: int, length: int, window: int, offset: int) -> int:
    if length <= window:
        return 0
    half = window // 2
    start = math.floor((position - offset) / half) * half + offset - window // 4
    return min(max(start, 0), length - window)


class TokenByToken:
    """Attention of each image token over its window, or over the text turned to its window."""

    def __init__(self, grid: Grid, window: Grid, offset: Offset) -> None:
        self.grid, self.window, self.offset = grid, window, offset

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor,
        query_rotary_emb: Tensor,
        key_rotary_emb: Tensor | None = None,
        base_sequence_length: int | None = None,
    ) -> Tensor:
        q = attn.norm_q(attn.to_q(hidden_states)).unflatten(-1, (-1, DEPTH))
        k = attn.norm_k(attn.to_k(encoder_hidden_states)).unflatten(-1, (-1, DEPTH))
        v = attn.to_v(encoder_hidden_states).unflatten(-1, (-1, DEPTH))
        rotary = query_rotary_emb[0]  # (tokens, D/2)
        q = turned(q, rotary[:, None])
        of_text = key_rotary_emb is None
        k = k if of_text else turned(k, rotary[:, None])
        out = torch.empty_like(q)
        for token in range(self.grid.cells):
            top, left = (
                window_start(*numbers)
                for numbers in zip(
                    divmod(token, self.grid.cols), self.grid, self.window, self.offset, strict=True
                )
            )
            keys = [
                r * self.grid.cols + c
                for r in range(top, top + min(self.window.rows, self.grid.rows))
                for c in range(left, left + min(self.window.cols, self.grid.cols))
            ]
            corner = rotary[top * self.grid.cols + left]
            of_window, values = (turned(k, corner), v) if of_text else (k[:, keys], v[:, keys])
            length = 1.0
            if not of_text:
                assert base_sequence_length is not None
                length = math.sqrt(math.log(len(keys)) / math.log(base_sequence_length))
            for head in range(attn.heads):
                shared = head * k.shape[2] // attn.heads
                scores = torch.einsum("bd,bkd->bk", q[:, token, head], of_window[:, :, shared])
                scores *= length / math.sqrt(DEPTH)
                if of_text:
                    scores = scores.masked_fill(~attention_mask, -math.inf)
                out[:, token, head] = torch.einsum(
                    "bk,bkd->bd", scores.softmax(-1), values[:, :, shared]
                )
        return out


CASES = pytest.mark.parametrize(
    ("grid", "window", "offset"),
    [
        (Grid(12, 12), Grid(6, 6), Offset(0, 0)),
        (Grid(8, 12), Grid(4, 4), Offset(1, 1)),
        (Grid(7, 9), Grid(4, 6), Offset(1, 2)),
        (Grid(4, 11), Grid(6, 4), Offset(2, 1)),
    ],
)


def as_latents(grid: Grid) -> Grid:
    return Grid(2 * grid.rows, 2 * grid.cols)


@CASES
@torch.inference_mode()
def test_every_block_equals_attention_token_by_token(
    grid: Grid, window: Grid, offset: Offset
) -> None:
    model = tiny_transformer().double()
    arguments = inputs(grid)
    reference: Any = deepcopy(model)
    for layer in reference.layers:
        layer.attn1.set_processor(TokenByToken(grid, window, offset))
        layer.attn2.set_processor(TokenByToken(grid, window, offset))
    want = reference(**arguments).sample
    with neighborhood_attention(model, native=as_latents(window), grid=as_latents(grid)) as tiling:
        tiling.offset = Offset(2 * offset.row, 2 * offset.col)
        got = model(**arguments).sample
    plain = model(**arguments).sample
    # the rotation is done in float32, as diffusers does it
    assert (got - want).abs().max() < 1e-5
    assert (plain - want).abs().max() > 1e-3  # the windows do make a difference


@CASES
@torch.inference_mode()
def test_positions_in_cross_attention_are_those_within_the_window(
    grid: Grid, window: Grid, offset: Offset
) -> None:
    """Without image attention, the text alone tells the windows from the whole grid."""
    model: Any = tiny_transformer().double()
    for layer in model.layers:
        layer.attn1.to_v.weight.zero_()
    arguments = inputs(grid)
    reference: Any = deepcopy(model)
    for layer in reference.layers:
        layer.attn2.set_processor(TokenByToken(grid, window, offset))
    want = reference(**arguments).sample
    with neighborhood_attention(model, native=as_latents(window), grid=as_latents(grid)) as tiling:
        tiling.offset = Offset(2 * offset.row, 2 * offset.col)
        got = model(**arguments).sample
    assert (got - want).abs().max() < 1e-5
    assert (model(**arguments).sample - want).abs().max() > 1e-4


def test_the_native_size_is_the_unmodified_model_bit_for_bit() -> None:
    model = tiny_transformer()
    arguments = inputs(Grid(4, 9), torch.float32)  # other proportions, the same area
    plain = model(**arguments).sample
    with neighborhood_attention(model, native=Grid(12, 12), grid=Grid(8, 18)):
        assert not has_windows(model)
        assert torch.equal(model(**arguments).sample, plain)


def test_the_original_processors_come_back_also_after_an_error() -> None:
    model: Any = tiny_transformer()
    before = [(layer.attn1.processor, layer.attn2.processor) for layer in model.layers]

    def fail() -> None:
        with neighborhood_attention(model, native=Grid(8, 8), grid=Grid(16, 16)):
            assert has_windows(model)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    after = [(layer.attn1.processor, layer.attn2.processor) for layer in model.layers]
    assert after == before


def test_queries_are_of_their_usual_length_in_native_windows_and_shorter_in_smaller() -> None:
    assert proportional_scale(4096, 4096) == 1
    assert proportional_scale(2048, 4096) == pytest.approx(math.sqrt(11 / 12))


@torch.inference_mode()
def test_a_tiling_that_moves_compiles_nothing_again() -> None:
    model: Any = tiny_transformer()
    grid = Grid(16, 12)
    arguments = inputs(grid, torch.float32)
    compiled: list[object] = []

    def backend(graph: Any, _: object) -> Any:
        compiled.append(graph)
        return graph.forward

    def moved(step: int) -> Tensor:
        with neighborhood_attention(model, native=Grid(16, 16), grid=as_latents(grid)) as tiling:
            tiling.offset = Offset(2 * step, step)
            return model(**arguments).sample

    want = [moved(step) for step in range(3)]
    for layer in model.layers:
        layer.forward = torch.compile(layer.forward, dynamic=False, backend=backend)
    assert all(torch.equal(moved(step), z) for step, z in enumerate(want))
    assert len(compiled) == 1
