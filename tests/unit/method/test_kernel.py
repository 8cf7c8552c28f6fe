"""The GPU kernel: what it is told in tables, and the kernel itself in Triton's interpreter."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from npa_reference import mask_of, masked_attention, rotary_table, tokens, visible

from scalediff_engine.base.geometry import Grid, Offset
from scalediff_engine.method import kernel
from scalediff_engine.method.npa import (
    joint_neighborhood_patch_attention,
    neighborhood_patch_attention,
)
from scalediff_engine.method.patches import lay_out_patches

CPU = torch.device("cpu")

grids = st.builds(Grid, st.integers(1, 45), st.integers(1, 45))
windows = st.builds(
    lambda rows, cols: Grid(2 * rows, 2 * cols), st.integers(1, 15), st.integers(1, 15)
)
offsets = st.builds(Offset, st.integers(0, 20), st.integers(0, 20))


@settings(max_examples=60, deadline=None)
@given(grid=grids, window=windows, offset=offsets)
def test_every_query_of_the_image_is_in_one_tile_with_the_window_that_it_may_see(
    grid: Grid, window: Grid, offset: Offset
) -> None:
    first_rows = [visible(i, grid.rows, window.rows, offset.row)[0] for i in range(grid.rows)]
    first_cols = [visible(i, grid.cols, window.cols, offset.col)[0] for i in range(grid.cols)]
    seen: list[int] = []
    for first, cols, stride, begin, count, first_key, _, _ in kernel._image_tiles(
        grid, window, offset, CPU
    ).tolist():
        assert begin < count
        for local in range(begin, min(count, begin + kernel._QUERIES)):
            token = first + local // cols * stride + local % cols
            row, col = divmod(token, grid.cols)
            assert first_key == first_rows[row] * grid.cols + first_cols[col]
            seen.append(token)
    assert sorted(seen) == list(range(grid.cells))


@settings(max_examples=60, deadline=None)
@given(grid=grids, window=windows, offset=offsets, words=st.integers(1, 300))
def test_every_word_is_asked_once_a_patch_with_the_patchs_window(
    grid: Grid, window: Grid, offset: Offset, words: int
) -> None:
    firsts = kernel.window_tokens(grid, window, offset, CPU).tolist()
    seen: list[int] = []
    for first, cols, _, begin, count, first_key, patch, _ in kernel._text_tiles(
        grid, window, offset, words, CPU
    ).tolist():
        assert (cols, count) == (words, words)
        assert first_key == firsts[patch]
        seen += range(first + begin, first + min(count, begin + kernel._QUERIES))
    assert seen == list(range(len(firsts) * words))


@settings(max_examples=60, deadline=None)
@given(grid=grids, window=windows, offset=offsets)
def test_windows_start_where_the_plain_way_has_them(
    grid: Grid, window: Grid, offset: Offset
) -> None:
    firsts = kernel.window_tokens(grid, window, offset, CPU).tolist()
    layout = lay_out_patches(grid, window, offset, batch=1, patches_at_once=None, device=CPU)
    assert sorted(firsts) == sorted(layout.groups[0].windows[:, 0].tolist())


def test_a_cpu_has_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_triton", object())  # with Triton there or not
    assert not kernel.has_kernel(torch.zeros(1, 1, 4, 64, dtype=torch.bfloat16))


class TooSmallChip:
    """As Triton behaves where no kernel of ours fits, with or without Triton."""

    class OutOfResources(Exception):
        pass

    def __init__(self) -> None:
        self.launches = 0

    def launch_cut(self, *_: object) -> None:
        self.launches += 1
        raise self.OutOfResources


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> TooSmallChip:
    chip = TooSmallChip()
    monkeypatch.setattr(kernel, "_triton", chip)
    monkeypatch.setattr(kernel, "triton_works", lambda _: True)
    monkeypatch.setattr(kernel, "_launch_cut", chip.launch_cut)
    monkeypatch.setattr(kernel, "_fitting", {})
    return chip


def test_on_a_chip_that_no_kernel_fits_on_the_plain_way_is_taken(chip: TooSmallChip) -> None:
    grid, window, dtype = Grid(10, 11), Grid(8, 6), torch.bfloat16
    generator = torch.Generator().manual_seed(1)
    query, key, value = (tokens(generator, 1, 2, grid.cells, 16).to(dtype) for _ in range(3))
    expected = masked_attention(query, key, value, mask_of(grid, window, Offset(1, 2)))
    for _ in range(2):
        out = neighborhood_patch_attention(
            query, key, value, grid=grid, window=window, offset=Offset(1, 2)
        )
        assert (out - expected).abs().max() < 0.05
    assert chip.launches == len(kernel._BLOCKINGS)  # and not again
    assert not kernel.has_kernel(query)
    assert kernel.has_kernel(torch.cat([query, query], dim=-1))  # that was of another depth


def test_joint_attention_too_is_computed_without_the_kernel(chip: TooSmallChip) -> None:
    grid, window, dtype = Grid(6, 6), Grid(4, 4), torch.bfloat16
    generator = torch.Generator().manual_seed(2)
    image = [tokens(generator, 1, 1, grid.cells, 16).to(dtype) for _ in range(3)]
    text = [tokens(generator, 1, 1, 3, 16).to(dtype) for _ in range(3)]
    out, text_out = joint_neighborhood_patch_attention(
        *image,
        text_query=text[0],
        text_key=text[1],
        text_value=text[2],
        displacement=rotary_table(grid, 16),
        grid=grid,
        window=window,
    )
    assert chip.launches == len(kernel._BLOCKINGS)
    assert out.isfinite().all()
    assert text_out.shape == text[0].shape


@pytest.mark.parametrize(
    ("capability", "hip", "works"),
    [
        ((6, 1), None, False),
        ((7, 0), None, True),
        ((9, 0), None, True),
        ((6, 1), "6.4", True),  # AMD counts otherwise
    ],
)
def test_old_cards_are_not_asked_to_run_kernels(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], hip: str | None, *, works: bool
) -> None:
    asked: list[object] = []

    class Triton:
        double_kernel = {(1,): lambda *given, **_: asked.append(given)}  # noqa: RUF012

    monkeypatch.setattr(kernel, "_triton", Triton)
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch, "arange", lambda *_, **__: torch.zeros(16))
    assert kernel.triton_works.__wrapped__(torch.device("cuda")) is works
    assert len(asked) == works


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_the_kernel_does_what_it_should_in_tritons_interpreter() -> None:
    # its switch is read when kernels are defined, so this takes a process of its own
    cases = Path(__file__).with_name("interpreted_kernel.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(cases)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
