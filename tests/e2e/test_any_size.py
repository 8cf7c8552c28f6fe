"""Sizes that nobody planned for, with the shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program import Program, picture

CASES = [
    pytest.param((257, 431), ("--scale", "3"), (771, 1293), id="257x431 by 3"),
    pytest.param((64, 64), ("--scale", "8"), (512, 512), id="64x64 by 8"),
    pytest.param((1024, 333), ("--size", "2000x650"), (2000, 650), id="1024x333 to 2000x650"),
    pytest.param((1, 1), ("--scale", "4"), (4, 4), id="a single pixel"),
    pytest.param((3000, 40), ("--scale", "2"), (6000, 80), id="a strip of 3000x40"),
    pytest.param((40, 61), ("--scale", "1.37"), (55, 84), id="a crooked factor"),
]


@pytest.mark.nightly
@pytest.mark.parametrize(("source", "options", "expected"), CASES)
def test_the_result_has_exactly_the_asked_size_and_looks_like_the_source(
    scalediff: Program, source: tuple[int, int], options: tuple[str, ...], expected: tuple[int, int]
) -> None:
    picture(scalediff.folder / "a.png", *source)
    outcome = scalediff("upscale", "a.png", *options, "--steps", "1", "-o", "b.png", "-q")
    assert outcome.code == 0, outcome.err
    with Image.open(Path(scalediff.folder, "a.png")) as opened:
        before = np.asarray(opened.convert("RGB"), np.float32)
    with Image.open(Path(scalediff.folder, "b.png")) as opened:
        assert opened.size == expected
        shrunk = opened.convert("RGB").resize(source, Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(shrunk, np.float32) - before).mean() < 8
