"""Neighborhood Patch Attention against a reference that shares nothing with it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from npa_reference import (
    joint_reference,
    mask_of,
    masked_attention,
    rotary_table,
    tokens,
    turned,
    visible,
)
from torch import Tensor

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method import npa
from scalediff_engine.method.npa import (
    displacement_from,
    joint_neighborhood_patch_attention,
    neighborhood_patch_attention,
)

CASES = [
    pytest.param((16, 16), (8, 8), (0, 0), id="square"),
    pytest.param((8, 24), (8, 8), (0, 0), id="wide, one window high"),
    pytest.param((24, 12), (8, 8), (0, 0), id="tall"),
    pytest.param((13, 17), (8, 8), (0, 0), id="odd grid that patches do not tile"),
    pytest.param((9, 9), (8, 8), (0, 0), id="one token more than the window"),
    pytest.param((16, 16), (8, 8), (3, 1), id="jitter"),
    pytest.param((15, 19), (8, 8), (2, 3), id="jitter on an odd grid"),
    pytest.param((20, 18), (6, 10), (1, 4), id="rectangular window"),
    pytest.param((5, 22), (8, 8), (3, 3), id="lower than the window"),
    pytest.param((22, 3), (6, 6), (2, 2), id="narrower than the window"),
    pytest.param((18, 18), (2, 2), (0, 0), id="patches of a single token"),
    pytest.param((21, 21), (14, 14), (6, 5), id="window no multiple of four"),
    pytest.param((21, 18), (7, 5), (2, 1), id="odd windows"),
]


@pytest.mark.parametrize(("grid", "window", "offset"), CASES)
@pytest.mark.parametrize(("batch", "heads"), [(1, 1), (2, 3)])
def test_it_equals_masked_attention_over_the_whole_grid(
    grid: tuple[int, int],
    window: tuple[int, int],
    offset: tuple[int, int],
    batch: int,
    heads: int,
) -> None:
    generator = torch.Generator().manual_seed(1)
    shape = (batch, heads, grid[0] * grid[1], 8)
    query, key, value = (tokens(generator, *shape) for _ in range(3))
    out = neighborhood_patch_attention(
        query, key, value, grid=Grid(*grid), window=Grid(*window), offset=Offset(*offset)
    )
    mask = mask_of(Grid(*grid), Grid(*window), Offset(*offset))
    expected = masked_attention(query, key, value, mask)
    assert (out - expected).abs().max() < 1e-5


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 21),
    cols=st.integers(1, 21),
    window=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    offset=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    window_bytes=st.none() | st.integers(0, 50_000),
    seed=st.integers(0, 2**16),
)
def test_it_equals_the_reference_for_any_grid_window_offset_and_memory(
    rows: int,
    cols: int,
    window: tuple[int, int],
    offset: tuple[int, int],
    window_bytes: int | None,
    seed: int,
) -> None:
    grid, even = Grid(rows, cols), Grid(2 * window[0], 2 * window[1])
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (tokens(generator, 1, 2, grid.cells, 4) for _ in range(3))
    out = neighborhood_patch_attention(
        query,
        key,
        value,
        grid=grid,
        window=even,
        offset=Offset(*offset),
        window_bytes=window_bytes,
    )
    expected = masked_attention(query, key, value, mask_of(grid, even, Offset(*offset)))
    assert (out - expected).abs().max() < 1e-5


def test_a_grid_no_larger_than_the_window_is_plain_attention_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(2)
    query, key, value = (tokens(generator, 2, 3, 8 * 6, 16) for _ in range(3))
    out = neighborhood_patch_attention(
        query, key, value, grid=Grid(8, 6), window=Grid(8, 8), offset=Offset(3, 3)
    )
    plain = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert torch.equal(out, plain)


def test_a_change_outside_a_querys_window_does_not_reach_it() -> None:
    generator = torch.Generator().manual_seed(3)
    grid, window = Grid(24, 24), Grid(8, 8)
    query, key, value = (tokens(generator, 1, 1, grid.cells, 4) for _ in range(3))
    before = neighborhood_patch_attention(query, key, value, grid=grid, window=window)
    value[:, :, -1] += 100  # the bottom right token
    after = neighborhood_patch_attention(query, key, value, grid=grid, window=window)
    changed = (before != after).any(-1).view(grid)
    rows, cols = changed.nonzero(as_tuple=True)
    assert rows.min() == 24 - 8 + 2 + 2  # the first patch whose window was pushed to the end
    assert cols.min() == 20
    assert changed[20:, 20:].all()


def test_half_precision_comes_back_as_half_precision() -> None:
    query = torch.randn(1, 1, 256, 8, dtype=torch.bfloat16)
    out = neighborhood_patch_attention(query, query, query, grid=Grid(16, 16), window=Grid(8, 8))
    assert out.dtype == torch.bfloat16


@pytest.mark.parametrize("words", [0, 512])
@pytest.mark.parametrize("heads", [1, 10, 24])
def test_where_scores_are_written_out_only_so_many_are(heads: int, words: int) -> None:
    grid, window = Grid(256, 256), Grid(64, 64)
    key = torch.empty(1, heads, grid.cells, 64, dtype=torch.float16, device="meta")
    patches = npa._patches_at_once(key, grid, window, None, words)  # pyright: ignore[reportPrivateUsage]
    assert patches is not None
    scores = heads * (words + 32 * 32) * (words + 64 * 64)
    assert patches * scores <= 2**28 < (patches + 1) * scores
    few = npa._patches_at_once(key, grid, window, 2 * 64 * 64 * heads * 64 * 2, words)  # pyright: ignore[reportPrivateUsage]
    assert few == 1


def test_one_patch_is_computed_however_many_scores_it_has() -> None:
    grid, window = Grid(600, 600), Grid(256, 256)
    key = torch.empty(1, 24, grid.cells, 8, dtype=torch.float16, device="meta")
    assert npa._patches_at_once(key, grid, window, None) == 1  # pyright: ignore[reportPrivateUsage]


def test_on_the_cpu_only_bytes_bound_what_is_gathered() -> None:
    key = torch.empty(1, 24, 64, 8)
    assert npa._patches_at_once(key, Grid(8, 8), Grid(4, 4), None) is None  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("window", [Grid(1, 8), Grid(8, 0)])
def test_a_window_without_a_half_is_refused(window: Grid) -> None:
    query = torch.randn(1, 1, 256, 4)
    with pytest.raises(ValueError, match="at least 2"):
        neighborhood_patch_attention(query, query, query, grid=Grid(16, 16), window=window)


def test_tokens_that_do_not_fill_the_grid_are_refused() -> None:
    query = torch.randn(1, 1, 255, 4)
    with pytest.raises(ValueError, match="255 tokens do not fill a grid of 16x16"):
        neighborhood_patch_attention(query, query, query, grid=Grid(16, 16), window=Grid(8, 8))


@pytest.mark.parametrize("window_bytes", [None, 0, 10_000])
@pytest.mark.parametrize(
    ("grid", "window", "offset"),
    [
        ((8, 8), (8, 8), (0, 0)),
        ((12, 12), (4, 4), (0, 0)),
        ((12, 9), (4, 4), (1, 1)),
        ((4, 11), (6, 4), (2, 1)),
    ],
)
def test_joint_attention_equals_its_reference(
    grid: tuple[int, int],
    window: tuple[int, int],
    offset: tuple[int, int],
    window_bytes: int | None,
) -> None:
    generator = torch.Generator().manual_seed(4)
    size, view, shift = Grid(*grid), Grid(*window), Offset(*offset)
    batch, heads, depth, words = 2, 2, 8, 5
    cos, sin = rotary_table(size, depth)
    image = [tokens(generator, batch, heads, size.cells, depth) for _ in range(3)]
    image = (*(turned(t, cos, sin).float() for t in image[:2]), image[2])
    text = tuple(tokens(generator, batch, heads, words, depth) for _ in range(3))
    got_image, got_text = joint_neighborhood_patch_attention(
        *image,
        text_query=text[0],
        text_key=text[1],
        text_value=text[2],
        displacement=(cos, sin),
        grid=size,
        window=view,
        offset=shift,
        window_bytes=window_bytes,
    )
    want_image, want_text = joint_reference(image, text, (cos, sin), size, view, shift)
    assert (got_image - want_image).abs().max() < 1e-5
    assert (got_text - want_text).abs().max() < 1e-5


def test_joint_attention_at_the_native_size_is_the_unmodified_models() -> None:
    generator = torch.Generator().manual_seed(5)
    grid = Grid(6, 6)
    cos, sin = rotary_table(grid, 8)
    image = [tokens(generator, 1, 2, grid.cells, 8) for _ in range(3)]
    text = [tokens(generator, 1, 2, 3, 8) for _ in range(3)]
    got_image, got_text = joint_neighborhood_patch_attention(
        *image,
        text_query=text[0],
        text_key=text[1],
        text_value=text[2],
        displacement=(cos, sin),
        grid=grid,
        window=grid,
    )
    # natively text stands at position zero, where the rotation does nothing
    query, key, value = (torch.cat([t, i], dim=2) for t, i in zip(text, image, strict=True))
    plain = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert (got_text - plain[:, :, :3]).abs().max() < 1e-6
    assert (got_image - plain[:, :, 3:]).abs().max() < 1e-6


def angles_of(positions: Tensor, depth: int) -> Tensor:
    """(n, 3) positions to (n, depth) angles: a quarter for the first axis, the rest for the others.

    Channel pairs are interleaved, and each pair of an axis turns at a speed of its own.
    """
    quarter = depth // 4
    speeds = [0.9 ** torch.arange(quarter // 2), *(0.7 ** torch.arange(3 * depth // 16),) * 2]
    per_axis = [positions[:, axis, None] * speed for axis, speed in enumerate(speeds)]
    return torch.cat(per_axis, dim=1).repeat_interleave(2, dim=1)


def image_positions(grid: Grid, first: tuple[float, float, float]) -> Tensor:
    """(rows*cols, 3): the first axis is the same for all tokens of the image."""
    rows, cols = torch.meshgrid(
        first[1] + torch.arange(grid.rows), first[2] + torch.arange(grid.cols), indexing="ij"
    )
    return torch.stack([torch.full_like(rows, first[0]), rows, cols], dim=-1).flatten(0, 1)


# name -> where text stands, and where the first token of a picture of so many tokens does
LAYOUTS = {
    "text at the image's origin": (
        lambda words: torch.zeros(words, 3),
        lambda _: (0.0, 0.0, 0.0),
    ),
    "text on an axis of its own": (
        lambda words: torch.stack([torch.arange(words), *[torch.zeros(words)] * 2], dim=-1),
        lambda _: (5.0, 0.0, 0.0),
    ),
    "a grid with its centre at zero": (
        lambda words: torch.zeros(words, 3),
        lambda grid: (0.0, -(grid.rows - 1) / 2, -(grid.cols - 1) / 2),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_window_with_its_text_is_attended_as_if_it_were_the_native_picture(
    layout: str,
) -> None:
    text_positions, first_of = LAYOUTS[layout]
    generator = torch.Generator().manual_seed(6)
    grid, window, offset, depth, words = Grid(11, 14), Grid(4, 6), Offset(1, 2), 32, 5
    image = [tokens(generator, 1, 2, grid.cells, depth) for _ in range(3)]
    text = [tokens(generator, 1, 2, words, depth) for _ in range(3)]

    def rotated(x: Tensor, positions: Tensor) -> Tensor:
        angles = angles_of(positions, depth)
        return turned(x, angles.cos(), angles.sin()).float()

    positions = image_positions(grid, first_of(grid))
    native = image_positions(window, first_of(window))
    angles, native_angles = angles_of(positions, depth), angles_of(native[:1], depth)[0]
    got_image, got_text = joint_neighborhood_patch_attention(
        *(rotated(t, positions) for t in image[:2]),
        image[2],
        text_query=rotated(text[0], text_positions(words)),
        text_key=rotated(text[1], text_positions(words)),
        text_value=text[2],
        displacement=displacement_from(
            (native_angles.cos(), native_angles.sin()), (angles.cos(), angles.sin())
        ),
        grid=grid,
        window=window,
        offset=offset,
    )
    text_query, text_key = (rotated(t, text_positions(words)) for t in text[:2])
    of_windows: dict[tuple[int, int], Tensor] = {}
    for row in range(grid.rows):
        for col in range(grid.cols):
            rows = visible(row, grid.rows, window.rows, offset.row)
            cols = visible(col, grid.cols, window.cols, offset.col)
            inside = torch.tensor([r * grid.cols + c for r in rows for c in cols])
            # the window alone, its tokens where they are in a picture of the native size
            query, key = (rotated(t[:, :, inside], native) for t in image[:2])
            joint = masked_attention(
                torch.cat([text_query, query], dim=2),
                torch.cat([text_key, key], dim=2),
                torch.cat([text[2], image[2][:, :, inside]], dim=2),
                torch.ones(words + window.cells, words + window.cells, dtype=torch.bool),
            )
            token = row * grid.cols + col
            here = words + int((inside == token).nonzero())
            assert (got_image[:, :, token] - joint[:, :, here]).abs().max() < 1e-5
            of_windows[rows[0], cols[0]] = joint[:, :, :words]
    assert (got_text - torch.stack([*of_windows.values()]).mean(0)).abs().max() < 1e-5
