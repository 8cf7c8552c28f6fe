"""How close a window is to the same window of the whole result, and what it takes of its time.

``python -m scalediff_engine.bench.loupe PICTURE...`` cuts a square out of each picture, upscales it
whole with the model that ships, and then windows at five places of it, in one process.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.families import registry as families
from scalediff_engine.images.picture import Picture, Pixels
from scalediff_engine.images.reader import read
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.settings import Settings

_BLUR_PX = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="loupe")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--source-px", type=int, default=256)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--window-px", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    model = families.load("embedded", "cpu")
    print("| picture | whole s | window s | share | place | PSNR | detail dB | detail kept |")  # noqa: T201
    print("|---|---|---|---|---|---|---|---|")  # noqa: T201
    for path in options.pictures:
        source = _middle(read(path), options.source_px)
        whole, whole_s = _upscaled(source, None, options.scale, model)
        for place, window in places(Size(*whole.size), options.window_px).items():
            part, part_s = _upscaled(source, window, options.scale, model)
            expected = whole.pixels[window.top : window.bottom, window.left : window.right]
            found = [f"{figure:.2f}" for figure in closeness(part.pixels, expected)]
            times = f"{whole_s:.1f} | {part_s:.1f} | {part_s / whole_s:.3f}"
            print(f"| {path.stem} | {times} | {place} | {' | '.join(found)} |", flush=True)  # noqa: T201


def places(result: Size, side: int) -> dict[str, Box]:
    """Give windows in two corners, at an edge, in the middle, and somewhere else."""
    right, bottom = result.width - side, result.height - side
    corners = {
        "corner": (0, 0),
        "edge": (right // 2, 0),
        "other corner": (right, bottom),
        "middle": (right // 2 + 7, bottom // 2 - 5),
        "elsewhere": (result.width // 3 + 3, 2 * result.height // 3 - side // 2),
    }
    return {name: Box(x, y, x + side, y + side) for name, (x, y) in corners.items()}


def closeness(found: Pixels, expected: Pixels) -> tuple[float, float, float]:
    """Compare a window with what it should be.

    Args:
        found, expected: (h, w, C), 0 to 1

    Returns:
        The PSNR; of what a Gaussian of two pixels takes away, signal to error in dB; and how much
        of that there is, 1 = as much as there should be.
    """
    fine, fine_expected = _fine(found), _fine(expected)
    error = float(np.mean(np.square(fine - fine_expected)))
    power = float(np.mean(np.square(fine_expected)))
    psnr = -10 * math.log10(float(np.mean(np.square(found - expected))) + 1e-20)
    detail = 10 * math.log10((power + 1e-20) / (error + 1e-20))
    return psnr, detail, float(np.std(fine) / (np.std(fine_expected) + 1e-20))


def _fine(pixels: Pixels) -> Pixels:
    """What a Gaussian of two pixels takes away."""
    reach = 3 * _BLUR_PX
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * _BLUR_PX**2))
    weights = (weights / weights.sum()).astype(np.float32)
    coarse = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    for axis in (0, 1):
        seen = np.lib.stride_tricks.sliding_window_view(coarse, len(weights), axis=axis)
        coarse = seen @ weights
    return pixels - coarse


def _middle(picture: Picture, side: int) -> Picture:
    top, left = ((full - side) // 2 for full in picture.pixels.shape[:2])
    return Picture(picture.pixels[top : top + side, left : left + side])


def _upscaled(
    source: Picture, window: Box | None, scale: int, model: Model
) -> tuple[Picture, float]:
    settings = Settings()
    target = source.size.scaled(scale)
    plan = plan_upscale(source.size, target, model.facts, settings, None, window)
    start = time.perf_counter()
    result = upscale(source, plan, settings, model, lambda _: None)
    return result, time.perf_counter() - start


if __name__ == "__main__":
    main()
