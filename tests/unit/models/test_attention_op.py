"""The attention as an operator: the same numbers, one compilation, nothing kept afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.families.unet.attention import neighborhood_attention as attached
from scalediff_engine.method import npa
from scalediff_engine.models import attention_op
from scalediff_engine.models.attention_op import (
    LayerTiling,
    joint_neighborhood_attention,
    layer_of,
    neighborhood_attention,
    new_number,
    numbered,
)
from scalediff_engine.models.model import Tiling

GRID, WINDOW = Grid(10, 13), Grid(8, 6)


def layer(tiling: Tiling, halvings: int = 0) -> LayerTiling:
    return LayerTiling(tiling, GRID, WINDOW, halvings)


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def qkv() -> list[Tensor]:
    return [tokens(2, GRID.cells, 3 * 4, seed=seed) for seed in range(3)]


def directly(query: Tensor, key: Tensor, value: Tensor, offset: Offset) -> Tensor:
    heads = (t.unflatten(-1, (3, 4)).transpose(1, 2) for t in (query, key, value))
    out = npa.neighborhood_patch_attention(*heads, grid=GRID, window=WINDOW, offset=offset)
    return out.transpose(1, 2).flatten(2)


def joint_inputs() -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    image = [tokens(1, GRID.cells, 2, 8, seed=seed) for seed in range(3)]
    text = [tokens(1, 5, 2, 8, seed=seed) for seed in range(3, 6)]
    angle = tokens(GRID.cells, 4, seed=6).repeat_interleave(2, dim=1)
    return image, text, [angle.cos(), angle.sin()]


@pytest.mark.parametrize("window_bytes", [None, 0])
def test_the_operator_is_the_direct_call(window_bytes: int | None) -> None:
    tiling, number = Tiling(Offset(3, 2), window_bytes), new_number()
    with numbered({number: layer(tiling)}):
        got = neighborhood_attention(*qkv(), 3, number)
    assert (got - directly(*qkv(), Offset(3, 2))).abs().max() < 1e-6


@pytest.mark.parametrize("window_bytes", [None, 0])
def test_the_joint_operator_is_the_direct_call(window_bytes: int | None) -> None:
    (image, text, rotary), number = joint_inputs(), new_number()
    with numbered({number: layer(Tiling(Offset(1, 2), window_bytes))}):
        got, got_text = joint_neighborhood_attention(image, text, rotary, number)
    query, key, value = (t.transpose(1, 2) for t in image)
    text_query, text_key, text_value = (t.transpose(1, 2) for t in text)
    want, want_text = npa.joint_neighborhood_patch_attention(
        query,
        key,
        value,
        text_query=text_query,
        text_key=text_key,
        text_value=text_value,
        displacement=(rotary[0], rotary[1]),
        grid=GRID,
        window=WINDOW,
        offset=Offset(1, 2),
    )
    assert (got.transpose(1, 2) - want).abs().max() < 1e-6
    assert (got_text.transpose(1, 2) - want_text).abs().max() < 1e-6


@pytest.mark.parametrize("grid", [GRID, WINDOW])
def test_compilers_are_told_the_truth_about_shapes_and_strides(grid: Grid) -> None:
    number, checks = new_number(), ("test_schema", "test_faketensor")
    heads = [tokens(2, grid.cells, 12, seed=seed) for seed in range(3)]
    image, text, rotary = joint_inputs()
    image, rotary = [t[:, : grid.cells] for t in image], [t[: grid.cells] for t in rotary]
    with numbered({number: LayerTiling(Tiling(), grid, WINDOW, 0)}):
        torch.library.opcheck(neighborhood_attention, (*heads, 3, number), test_utils=checks)
        torch.library.opcheck(
            joint_neighborhood_attention, (image, text, rotary, number), test_utils=checks
        )


class Compiler:
    """Counts what it is asked to compile, and runs it as it stands."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: Any, _: list[Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


def test_a_tiling_that_moves_compiles_nothing_again() -> None:
    tiling, number, compiler = Tiling(), new_number(), Compiler()

    def half_a_layer(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return neighborhood_attention(query * 2, key, value, 3, number) + query

    compiled = torch.compile(half_a_layer, backend=compiler, fullgraph=True, dynamic=False)
    query, key, value = qkv()
    with numbered({number: layer(tiling)}), torch.inference_mode():
        for offset in (Offset(0, 0), Offset(3, 1), Offset(2, 2)):
            tiling.offset = offset
            want = directly(query * 2, key, value, offset) + query
            assert (compiled(query, key, value) - want).abs().max() < 1e-6
    assert compiler.graphs == 1
    torch._dynamo.reset()


def test_an_offset_is_scaled_down_to_the_layers_tokens() -> None:
    tiling = Tiling(Offset(13, 6))
    assert [layer(tiling, times).offset for times in range(3)] == [(13, 6), (6, 3), (3, 1)]
    tiling.offset = Offset(4, 4)
    assert layer(tiling, 1).offset == (2, 2)


def test_numbers_are_never_given_twice() -> None:
    assert len({new_number() for _ in range(10)}) == 10


def test_a_number_means_nothing_once_its_context_is_closed() -> None:
    number = new_number()
    with numbered({number: layer(Tiling())}):
        assert layer_of(number).grid == GRID
    with pytest.raises(KeyError):
        layer_of(number)
    with pytest.raises(KeyError):
        neighborhood_attention(*qkv(), 3, number)


def test_contexts_side_by_side_do_not_close_each_other() -> None:
    outer, inner = new_number(), new_number()
    with numbered({outer: layer(Tiling())}):
        with numbered({inner: layer(Tiling(), 1)}):
            assert layer_of(outer).halvings == 0
            assert layer_of(inner).halvings == 1
        assert layer_of(outer).halvings == 0


def tiny_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(8, 8),
        layers_per_block=1,
        attention_head_dim=2,
        cross_attention_dim=8,
        norm_num_groups=4,
    )


def test_a_detached_model_leaves_nothing_behind() -> None:
    unet, before = tiny_unet(), dict(attention_op._layers)
    with attached(unet, native=Grid(8, 8), grid=Grid(16, 16)):
        assert len(attention_op._layers) == len(before) + 2  # one a level
    assert attention_op._layers == before
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        attached(unet, native=Grid(8, 8), grid=Grid(16, 16)),
    ):
        raise RuntimeError("on purpose")
    assert attention_op._layers == before


def test_a_model_keeps_its_numbers_and_shares_them_with_no_other() -> None:
    first, second = tiny_unet(), tiny_unet()
    numbers: list[frozenset[int]] = []
    for unet in (first, second, first):
        with attached(unet, native=Grid(8, 8), grid=Grid(16, 16)):
            numbers.append(frozenset(attention_op._layers))
    assert numbers[0] == numbers[2]
    assert not numbers[0] & numbers[1]
