"""The first guess: how large, of what, and without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.picture import Depth, Picture
from scalediff_engine.pipeline.upscale_fast import guess, guess_size
from scalediff_engine.planning.plan import Plan, plan_fast
from scalediff_engine.upscalers.enlarge import enlarge_to


def plan(source: Size, scale: float, window: Box | None = None) -> Plan:
    return plan_fast(source, source.scaled(scale), window)


def soft(width: int, height: int) -> Picture:
    rows, cols = np.mgrid[:height, :width].astype(np.float32)
    planes = [0.5 + 0.4 * np.sin(rows / (5 + k)) * np.cos(cols / 7) for k in range(3)]
    return Picture(np.stack(planes, axis=-1), depth=Depth.U16)


@pytest.mark.parametrize(
    ("source", "scale", "expected"),
    [
        (Size(64, 48), 4, Size(256, 192)),
        (Size(256, 256), 8, Size(1024, 1024)),
        (Size(1200, 900), 8, None),  # at a megapixel the source shows as much
        (Size(64, 64), 1.2, None),
    ],
)
def test_it_is_at_most_a_megapixel_and_larger_than_the_source(
    source: Size, scale: float, expected: Size | None
) -> None:
    assert guess_size(plan(source, scale)) == expected


def test_a_part_of_a_large_picture_has_one_where_the_whole_has_none() -> None:
    source = Size(1200, 900)
    assert guess_size(plan(source, 8)) is None
    assert guess_size(plan(source, 8, Box(0, 0, 512, 400))) == Size(512, 400)


def test_it_is_what_the_networks_make_of_the_source() -> None:
    source = soft(24, 20)
    found = guess(source, plan(source.size, 4))
    assert found is not None
    expected = np.round(255 * enlarge_to(source.pixels, Size(96, 80))).astype(np.uint8)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "window", [Box(80, 40, 180, 90), Box(0, 0, 60, 60), Box(401, 203, 600, 400)]
)
def test_a_part_shows_what_the_whole_has_there(window: Box) -> None:
    source = soft(200, 160)
    whole = guess(source, plan(source.size, 4))
    found = guess(source, plan(source.size, 4, window))
    assert whole is not None
    assert found is not None
    assert found.shape == (window.size.height, window.size.width, 3)
    expected = whole[window.top : window.bottom, window.left : window.right].astype(int)
    assert np.abs(found - expected).max() <= 1


def test_transparency_does_not_bleed_into_it() -> None:
    opaque = soft(32, 32)
    pixels = opaque.pixels.copy()
    alpha = np.ones((32, 32), np.float32)
    pixels[:, 16:], alpha[:, 16:] = 0, 0  # black under full transparency
    found = guess(Picture(pixels, alpha=alpha), plan(opaque.size, 2))
    assert found is not None
    assert found[:, 30].min() > 40


def test_it_can_be_left() -> None:
    def leave(_: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        guess(soft(24, 20), plan(Size(24, 20), 4), leave)


def test_neither_guessing_nor_showing_it_imports_torch() -> None:
    program = "import sys, scalediff_engine.worker.guess; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
