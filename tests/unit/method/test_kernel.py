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
from npa_reference import visible

from scalediff_engine.geometry import Grid, Offset
from scalediff_engine.method import kernel
from scalediff_engine.method.layout import lay_out

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
    layout = lay_out(grid, window, offset, batch=1, patches_at_once=None, device=CPU)
    assert sorted(firsts) == sorted(layout.groups[0].windows[:, 0].tolist())


def test_a_cpu_has_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_triton", object())  # with Triton there or not
    assert not kernel.has_kernel(torch.zeros(1, 1, 4, 64, dtype=torch.bfloat16))


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
