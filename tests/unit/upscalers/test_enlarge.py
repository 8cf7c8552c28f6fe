from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_engine.base.errors import Cancelled, UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.images.reader import read
from scalediff_engine.images.resample import Kernel, resize
from scalediff_engine.upscalers.enlarge import enlarge, enlarge_to, tiles
from scalediff_engine.upscalers.spec import passes_for

PICTURES = sorted((Path(__file__).parent / "pictures").glob("*.png"))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def psnr(result: np.ndarray, original: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((result - original) ** 2)))


FACTORS = {1: (), 1.05: (2,), 2: (2,), 2.1: (2,), 2.5: (4,), 4: (4,), 5: (4, 2)}
LARGE_FACTORS = {8: (4, 2), 16: (4, 4), 32: (4, 4, 2)}


@pytest.mark.parametrize(("factor", "passes"), (FACTORS | LARGE_FACTORS).items())
def test_passes(factor: float, passes: tuple[int, ...]) -> None:
    assert passes_for(factor) == passes


@given(st.floats(1, 32))
def test_passes_reach_every_factor_without_needless_work(factor: float) -> None:
    made = prod(passes_for(factor))
    assert factor / 1.1001 <= made < factor * 4 / 2.2 + 1


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 2000))
def test_tiles_cover_a_picture_once(width: int, height: int, side: int) -> None:
    boxes = list(tiles(Size(width, height), side)) if width * height < side * side * 400 else []
    assert not boxes or sum(box.size.area for box in boxes) == width * height
    for box in boxes:
        assert 0 < box.size.width <= side
        assert 0 < box.size.height <= side
        assert box.within(Size(width, height)) == box


@pytest.mark.parametrize("size", [Size(80, 120), Size(160, 240), Size(131, 200), Size(85, 127)])
def test_the_result_does_not_depend_on_tiles(size: Size) -> None:
    pixels = noise(60, 40)
    result = enlarge_to(pixels, size)
    in_tiles = enlarge_to(pixels, size, tile_px=37)
    assert in_tiles == pytest.approx(result, abs=5e-5)


@pytest.mark.parametrize("scale", [1, 1.5, 2, 3, 4, 5.3, 8, 32])
def test_any_factor_gives_the_exact_size_and_range(scale: float) -> None:
    pixels = noise(9, 6)
    result = enlarge(pixels, scale)
    assert result.shape == (round(9 * scale), round(6 * scale), 3)
    assert result.dtype == np.float32
    assert 0 <= result.min() < result.max() <= 1


def test_sides_may_grow_differently_and_shrink() -> None:
    assert enlarge_to(noise(8, 8), Size(30, 9)).shape == (9, 30, 3)
    assert enlarge_to(noise(8, 8), Size(3, 4)).shape == (4, 3, 3)


@pytest.mark.parametrize("scale", [2, 2.7, 4, 8])
def test_nothing_moves(scale: float) -> None:
    ramp = np.linspace(0.2, 0.8, 40, dtype=np.float32)
    pixels = np.broadcast_to(ramp[:, None, None] * ramp[None, :, None], (40, 40, 3))
    result = enlarge(pixels, scale)
    plain = resize(pixels, Size(result.shape[1], result.shape[0]))
    assert result == pytest.approx(np.clip(plain, 0, 1), abs=0.012)


@pytest.mark.parametrize("scale", [0.5, 0, 33, float("nan")])
def test_other_factors_are_refused(scale: float) -> None:
    with pytest.raises(UsageError, match="between 1 and 32"):
        enlarge(noise(4, 4), scale)


def test_an_empty_or_huge_size_is_refused() -> None:
    with pytest.raises(UsageError, match="4x4 cannot become 0x8"):
        enlarge_to(noise(4, 4), Size(0, 8))
    with pytest.raises(UsageError, match="grow at most 32 times"):
        enlarge_to(noise(4, 4), Size(8, 129))


def test_progress_rises_to_one_and_may_cancel() -> None:
    heard: list[float] = []
    enlarge_to(noise(20, 20), Size(160, 160), on_fraction=heard.append, tile_px=50)
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1)
    assert len(heard) > 10

    def stop(_: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        enlarge_to(noise(20, 20), Size(40, 40), on_fraction=stop)


def test_the_input_is_not_changed() -> None:
    pixels = noise(8, 8) * 2 - 0.5
    before = pixels.copy()
    enlarge(pixels, 2)
    assert (pixels == before).all()


@pytest.mark.parametrize("path", PICTURES, ids=lambda p: p.stem)
@pytest.mark.parametrize("scale", [2, 4])
def test_held_out_pictures_are_half_a_decibel_closer_than_with_lanczos(
    path: Path, scale: int
) -> None:
    original = read(path).pixels
    size = Size(original.shape[1], original.shape[0])
    small = resize(original, Size(size.width // scale, size.height // scale))
    small = np.round(np.clip(small, 0, 1) * 255).astype(np.float32) / 255
    lanczos = np.clip(resize(small, size, kernel=Kernel.LANCZOS), 0, 1)
    result = enlarge_to(small, size)
    assert psnr(result, original) > psnr(lanczos, original) + 0.5
    assert np.abs((result - original).mean((0, 1))).max() < 1 / 255
    steps = [np.abs(np.diff(p, axis=1)).mean() for p in (result, lanczos, original)]
    assert steps[1] < steps[0] < steps[2] * 1.05  # sharper than Lanczos, not oversharpened
