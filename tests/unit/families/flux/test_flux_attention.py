"""NPA inside diffusers' FLUX transformer, against processors written another way."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest
import torch
from tiny_flux import tiny_transformer
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.families.flux.attention import neighborhood_attention
from scalediff_engine.families.flux.model import token_places

WORDS = 5


def inputs(rows: int, cols: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """What the transformer takes for ``rows`` x ``cols`` tokens."""
    generator = torch.Generator().manual_seed(rows * 100 + cols)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    return {
        "hidden_states": draw(2, rows * cols, 64),
        "encoder_hidden_states": draw(2, WORDS, 24),
        "pooled_projections": draw(2, 12),
        "timestep": torch.tensor([0.6, 0.6], dtype=dtype),
        "guidance": torch.tensor([3.5, 3.5], dtype=dtype),
        "img_ids": token_places(Grid(rows, cols), torch.device("cpu")),
        "txt_ids": torch.zeros(WORDS, 3),
    }


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate channel pairs as complex numbers; (..., D) by (..., D)."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    angle = torch.complex(cos[..., ::2].to(x.dtype), sin[..., ::2].to(x.dtype))
    return torch.view_as_real(pairs * angle).flatten(-2)


def window_start(position: int, length: int, window: int, offset: int) -> int:
    if length <= window:
        return 0
    half = window // 2
    start = math.floor((position - offset) / half) * half + offset - window // 4
    return min(max(start, 0), length - window)


class TokenByToken:
    """Joint attention written out for each image token, and for the text once a window."""

    def __init__(self, grid: Grid, window: Grid, offset: Offset) -> None:
        self.grid, self.window, self.offset = grid, window, offset

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Any:
        assert image_rotary_emb is not None
        cos, sin = (t[WORDS:] for t in image_rotary_emb)
        q, k, v = (
            p(hidden_states).unflatten(-1, (attn.heads, -1))
            for p in (attn.to_q, attn.to_k, attn.to_v)
        )
        q, k = attn.norm_q(q), attn.norm_k(k)
        if encoder_hidden_states is None:
            (tq, q), (tk, k), (tv, v) = ((t[:, :WORDS], t[:, WORDS:]) for t in (q, k, v))
        else:
            tq, tk, tv = (
                p(encoder_hidden_states).unflatten(-1, (attn.heads, -1))
                for p in (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
            )
            tq, tk = attn.norm_added_q(tq), attn.norm_added_k(tk)
        q, k = (turned(t, cos[:, None], sin[:, None]) for t in (q, k))
        out = torch.empty_like(q)
        texts: dict[tuple[int, int], Tensor] = {}
        for token in range(self.grid.cells):
            place = divmod(token, self.grid.cols)
            top, left = (
                window_start(*numbers)
                for numbers in zip(place, self.grid, self.window, self.offset, strict=True)
            )
            keys = [
                r * self.grid.cols + c
                for r in range(top, top + min(self.window.rows, self.grid.rows))
                for c in range(left, left + min(self.window.cols, self.grid.cols))
            ]
            at = top * self.grid.cols + left
            all_k = torch.cat([turned(tk, cos[at], sin[at]), k[:, keys]], dim=1)
            all_v = torch.cat([tv, v[:, keys]], dim=1)

            def attend(query: Tensor, key: Tensor = all_k, value: Tensor = all_v) -> Tensor:
                scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(query.shape[-1])
                return torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), value)

            out[:, token] = attend(q[:, token : token + 1])[:, 0]
            if (top, left) not in texts:
                texts[top, left] = attend(turned(tq, cos[at], sin[at]))
        text = torch.stack(list(texts.values())).mean(0).flatten(2)
        image = out.flatten(2)
        if encoder_hidden_states is None:
            return torch.cat([text, image], dim=1)
        return attn.to_out[0](image), attn.to_add_out(text)


@pytest.mark.parametrize(
    ("grid", "window", "offset"),
    [
        (Grid(8, 8), Grid(4, 4), Offset(0, 0)),
        (Grid(8, 12), Grid(4, 4), Offset(1, 1)),
        (Grid(7, 9), Grid(4, 6), Offset(1, 2)),
        (Grid(4, 11), Grid(6, 4), Offset(2, 1)),
    ],
)
def test_both_kinds_of_blocks_equal_attention_token_by_token(
    grid: Grid, window: Grid, offset: Offset
) -> None:
    model = tiny_transformer().double()
    arguments = inputs(*grid, dtype=torch.float64)
    reference = deepcopy(model)
    reference.set_attn_processor(TokenByToken(grid, window, offset))
    want = reference(**arguments).sample
    latents, native = (Grid(2 * g.rows, 2 * g.cols) for g in (grid, window))
    with neighborhood_attention(model, native=native, grid=latents) as tiling:
        tiling.offset = Offset(2 * offset.row, 2 * offset.col)
        got = model(**arguments).sample
    plain = model(**arguments).sample
    # the rotation is done in float32, as diffusers does it
    assert (got - want).abs().max() < 1e-5
    assert (plain - want).abs().max() > 1e-3  # the windows do make a difference


def test_the_native_size_is_the_unmodified_model_bit_for_bit() -> None:
    model = tiny_transformer()
    arguments = inputs(4, 6, dtype=torch.float32)
    plain = model(**arguments).sample
    with neighborhood_attention(model, native=Grid(8, 12), grid=Grid(8, 12)):
        assert torch.equal(model(**arguments).sample, plain)


def test_fused_projections_give_the_same() -> None:
    model = tiny_transformer()
    arguments = inputs(8, 8, dtype=torch.float32)
    fused = deepcopy(model)
    fused.fuse_qkv_projections()
    outputs: list[Tensor] = []
    for each in (model, fused):
        with neighborhood_attention(each, native=Grid(8, 8), grid=Grid(16, 16)):
            outputs.append(each(**arguments).sample)
    assert (outputs[0] - outputs[1]).abs().max() < 1e-5


def test_the_processors_are_back_after_an_error() -> None:
    model = tiny_transformer()
    before = dict(model.attn_processors)
    with (
        pytest.raises(RuntimeError, match="stop"),
        neighborhood_attention(model, native=Grid(8, 8), grid=Grid(16, 16)),
    ):
        raise RuntimeError("stop")
    assert dict(model.attn_processors) == before
