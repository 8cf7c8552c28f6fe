"""The GPU kernel in Triton's interpreter; run by ``test_kernel`` in a process of its own."""

from __future__ import annotations

import pytest
import torch
from npa_reference import (
    joint_reference,
    mask_of,
    masked_attention,
    rotary_table,
    tokens,
    turned,
)
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method import kernel, npa
from scalediff_engine.method.kernel_triton import OutOfResources

DEPTH = 16
CASES = [
    pytest.param((12, 12), (8, 8), (0, 0), id="a window of 64 keys, one step"),
    pytest.param((13, 17), (8, 8), (3, 1), id="jitter on an odd grid"),
    pytest.param((17, 15), (10, 6), (4, 2), id="a window of 60 keys, less than a step"),
    pytest.param((14, 21), (12, 10), (0, 3), id="a window of 120 keys, two steps"),
    pytest.param((5, 22), (8, 8), (3, 3), id="lower than the window"),
    pytest.param((6, 5), (2, 2), (0, 0), id="patches of a single token"),
    pytest.param((26, 25), (24, 24), (5, 7), id="patches of more queries than a program takes"),
]


def by_token(t: Tensor) -> Tensor:
    return t.transpose(1, 2).contiguous()


@pytest.mark.parametrize(("grid", "window", "offset"), CASES)
def test_it_equals_masked_attention_over_the_whole_grid(
    grid: tuple[int, int], window: tuple[int, int], offset: tuple[int, int]
) -> None:
    size, view, shift = Grid(*grid), Grid(*window), Offset(*offset)
    generator = torch.Generator().manual_seed(1)
    query, key, value = (tokens(generator, 2, 1, size.cells, DEPTH) for _ in range(3))
    out = kernel.attend_image(*(by_token(t) for t in (query, key, value)), size, view, shift)
    expected = masked_attention(query, key, value, mask_of(size, view, shift))
    assert (out.transpose(1, 2) - expected).abs().max() < 1e-5


def test_it_reads_queries_keys_and_values_where_they_lie_side_by_side() -> None:
    size, view, shift = Grid(10, 11), Grid(8, 6), Offset(1, 2)
    generator = torch.Generator().manual_seed(2)
    fused = tokens(generator, 1, size.cells, 3 * 2 * DEPTH)
    query, key, value = (t.unflatten(-1, (2, DEPTH)) for t in fused.chunk(3, dim=-1))
    assert not query.is_contiguous()
    out = kernel.attend_image(query, key, value, size, view, shift)
    separate = (t.transpose(1, 2) for t in (query, key, value))
    expected = masked_attention(*separate, mask_of(size, view, shift))
    assert (out.transpose(1, 2) - expected).abs().max() < 1e-5


def test_it_rounds_to_16_bits_no_earlier_than_it_must() -> None:
    dtype = torch.float16  # bfloat16 has no matrix product in the interpreter
    size, view, shift = Grid(12, 12), Grid(8, 8), Offset(1, 2)
    generator = torch.Generator().manual_seed(3)
    query, key, value = (tokens(generator, 1, 1, size.cells, DEPTH).to(dtype) for _ in range(3))
    out = kernel.attend_image(*(by_token(t) for t in (query, key, value)), size, view, shift)
    expected = masked_attention(query, key, value, mask_of(size, view, shift))
    assert out.dtype == dtype
    assert (out.transpose(1, 2) - expected).abs().max() < 4 * torch.finfo(dtype).eps


@pytest.mark.parametrize(
    ("grid", "window", "offset", "words", "batch"),
    [
        ((8, 8), (8, 8), (0, 0), 5, 2),
        ((8, 6), (4, 4), (1, 1), 64, 1),
        ((4, 11), (6, 4), (2, 1), 70, 1),
        ((9, 9), (8, 8), (0, 3), 130, 1),
    ],
)
def test_joint_attention_equals_its_reference(
    grid: tuple[int, int], window: tuple[int, int], offset: tuple[int, int], words: int, batch: int
) -> None:
    size, view, shift = Grid(*grid), Grid(*window), Offset(*offset)
    generator = torch.Generator().manual_seed(4)
    cos, sin = rotary_table(size, DEPTH)
    image = [tokens(generator, batch, 2, size.cells, DEPTH) for _ in range(3)]
    image = [*(turned(t, cos, sin).float() for t in image[:2]), image[2]]
    text = [tokens(generator, batch, 2, words, DEPTH) for _ in range(3)]
    got_image, got_text = npa._joint_by_kernel(
        [by_token(t) for t in image], [by_token(t) for t in text], (cos, sin), size, view, shift
    )
    want_image, want_text = joint_reference(image, text, (cos, sin), size, view, shift)
    assert (got_image - want_image).abs().max() < 1e-5
    assert (got_text - want_text).abs().max() < 1e-5


class SmallChip:
    """Too little memory for all ways to cut the work but those after ``refused`` ones."""

    def __init__(self, refused: int) -> None:
        self.refused = refused
        self.tried: list[kernel.Blocking] = []
        self.launch_cut = kernel._launch_cut

    def __call__(self, *given: object) -> None:
        self.tried.append(given[-1])
        if kernel._BLOCKINGS.index(given[-1]) < self.refused:
            raise OutOfResources(200_000, 100_000, "shared memory")
        self.launch_cut(*given)


def attend_twice() -> Tensor:
    query = torch.randn(1, 81, 1, DEPTH)
    kernel.attend_image(query, query, query, Grid(9, 9), Grid(8, 8), Offset(0, 0))
    return kernel.attend_image(query, query, query, Grid(9, 9), Grid(8, 8), Offset(0, 0))


def test_a_chip_with_little_memory_gets_smaller_pieces_and_it_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chip = SmallChip(refused=2)
    monkeypatch.setattr(kernel, "_launch_cut", chip)
    monkeypatch.setattr(kernel, "_fitting", {})
    attend_twice()
    assert chip.tried == [*kernel._BLOCKINGS, kernel._BLOCKINGS[2]]


def test_a_chip_that_is_too_small_for_all_of_them_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = SmallChip(refused=3)
    monkeypatch.setattr(kernel, "_launch_cut", chip)
    monkeypatch.setattr(kernel, "_fitting", {})
    with pytest.raises(kernel.KernelTooLarge):
        attend_twice()
    assert chip.tried == [*kernel._BLOCKINGS]
