from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from scalediff_engine.base.errors import ModelError, ModelMissing
from scalediff_engine.base.geometry import Box
from scalediff_engine.upscalers.network import FOLDER, OnnxNetwork, shipped
from scalediff_engine.upscalers.spec import SCALES


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


def whole(scale: int, pixels: np.ndarray) -> np.ndarray:
    box = Box(0, 0, pixels.shape[1] * scale, pixels.shape[0] * scale)
    return shipped(scale).region(pixels, box)


@pytest.mark.parametrize("scale", SCALES)
def test_a_part_is_the_same_part_of_the_whole(scale: int) -> None:
    pixels = noise(151, 167)
    result = whole(scale, pixels)
    for box in (
        Box(0, 0, 40, 30),
        Box(75 * scale + 1, 60 * scale + 1, 90 * scale, 80 * scale),
        Box(160 * scale, 140 * scale, 167 * scale, 151 * scale),
    ):
        part = shipped(scale).region(pixels, box)
        found = result[box.top : box.bottom, box.left : box.right]
        assert part == pytest.approx(found, abs=2e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_what_lies_out_of_reach_changes_nothing_and_what_lies_within_does(scale: int) -> None:
    network = shipped(scale)
    pixels, far = noise(9, 2 * network.reach + 20), noise(9, 2 * network.reach + 20)
    far[:, network.reach + 2 :] = 1 - far[:, network.reach + 2 :]
    before, after = whole(scale, pixels), whole(scale, far)
    assert after[:, : 2 * scale] == pytest.approx(before[:, : 2 * scale], abs=2e-5)
    assert np.abs(after - before)[:, 2 * scale :].max() > 0.1


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("value", [0, 3, 128, 200, 254, 255])
def test_a_flat_area_stays_exactly_flat(scale: int, value: int) -> None:
    pixels = np.full((11, 12, 3), value / 255, np.float32)
    assert np.abs(whole(scale, pixels) - pixels[0, 0]).max() < 1e-6


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2), (3, 3)])
@pytest.mark.parametrize("scale", SCALES)
def test_the_smallest_pictures_work(scale: int, size: tuple[int, int]) -> None:
    result = whole(scale, noise(*size))
    assert result.shape == (size[0] * scale, size[1] * scale, 3)
    assert np.isfinite(result).all()


@pytest.mark.parametrize("scale", SCALES)
def test_results_are_within_range(scale: int) -> None:
    pixels = np.round(noise(40, 40))  # black and white, where any kernel overshoots
    result = whole(scale, pixels * 3 - 1)  # values beyond the range are clipped first
    assert result.min() == 0
    assert result.max() == 1
    assert (result == whole(scale, pixels)).all()


@pytest.mark.parametrize("scale", SCALES)
def test_the_files_are_small(scale: int) -> None:
    assert (FOLDER / f"x{scale}.onnx").stat().st_size < 2.5e6


def test_without_onnxruntime_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"needs onnxruntime.*pip install onnxruntime"):
        OnnxNetwork(FOLDER / "x2.onnx")


def test_a_file_that_is_gone_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"x2\.onnx is not in"):
        OnnxNetwork(tmp_path / "x2.onnx")
    cut = tmp_path / "x4.onnx"
    cut.write_bytes((FOLDER / "x4.onnx").read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"x4\.onnx is damaged"):
        OnnxNetwork(cut)
