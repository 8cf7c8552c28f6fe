"""From the source picture to a stage's canvas: the one place that maps between these two spaces."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.method.stages import StageSizes


def to_canvas(source: Tensor, sizes: StageSizes, canvas: Size, part: Box | None = None) -> Tensor:
    """Enlarge the source onto a canvas, continued by reflection where the canvas is wider.

    Every canvas shows the same region as the last one, which holds the target in its top left
    corner and padding beyond. That padding is seldom a whole number of source pixels, so the
    source is resized by the exact ratio and not by a ratio of rounded sizes.

    Args:
        source: (1, 3, h, w)
        sizes: of the run
        canvas: one of its canvases
        part: of the canvas, in its pixels; None = all of it

    Returns:
        (1, 3, canvas.height, canvas.width), bicubic, or as large as the part.
    """
    scale = source_scale(source, sizes, canvas)
    padded = continued(source, scale, canvas)
    if part is None:
        return resize_exactly(padded, scale, canvas)
    rows, cols = source.shape[-2:]
    return resample(padded, Box.of(Size(cols, rows)), (1 / scale[0], 1 / scale[1]), part)


def source_scale(source: Tensor, sizes: StageSizes, canvas: Size) -> tuple[float, float]:
    """Give how many pixels of a canvas one of the source is, down and across."""
    rows, cols = source.shape[-2:]
    return (
        canvas.height / sizes.canvas.height * sizes.target.height / rows,
        canvas.width / sizes.canvas.width * sizes.target.width / cols,
    )


def continued(source: Tensor, scale: tuple[float, float], canvas: Size) -> Tensor:
    """Continue the source by reflection as far as the canvas goes; (1, 3, h, w) and more."""
    rows, cols = source.shape[-2:]
    missing = (
        max(0, math.ceil(canvas.height / scale[0] - 1e-9) - rows),
        max(0, math.ceil(canvas.width / scale[1] - 1e-9) - cols),
    )
    return reflect_bottom_right(source, *missing)


def resize_exactly(pixels: Tensor, scale: tuple[float, float], canvas: Size) -> Tensor:
    """Bicubic resize by a ratio, not by one of rounded sizes, cut to the canvas; (1, 3, H, W)."""
    if pixels.shape[-2:] == (canvas.height, canvas.width) and scale == (1, 1):
        return pixels
    # The size is given as a ratio so that pixel positions follow it exactly.
    enlarged = interpolate(pixels, scale_factor=scale, mode="bicubic", recompute_scale_factor=False)
    return _at_least(enlarged, canvas)[..., : canvas.height, : canvas.width]


def source_canvas(source: Tensor, sizes: StageSizes) -> Size:
    """Give the canvas at the source's own resolution: the source and the padding beyond it."""
    rows, cols = source.shape[-2:]
    return Size(
        max(1, round(cols * sizes.canvas.width / sizes.target.width)),
        max(1, round(rows * sizes.canvas.height / sizes.target.height)),
    )


def resize_canvas(pixels: Tensor, canvas: Size) -> Tensor:
    """Bicubic resize of a whole canvas, (1, 3, H, W)."""
    return interpolate(pixels, size=(canvas.height, canvas.width), mode="bicubic")


def resample(pixels: Tensor, at: Box, step: tuple[float, float], to: Box) -> Tensor:
    """Bicubic resize of a part of a picture or latent, as it would be within the whole.

    Beyond the part its border is repeated, as a resize does at the border of the whole.

    Args:
        pixels: (1, C, h, w)
        at: where they lie; only its top left matters
        step: from one cell of the result to the next, down and across, in cells of ``pixels``
        to: the part of the result that is wanted

    Returns:
        (1, C, to.size.height, to.size.width), of ``pixels``'s dtype; computed in float32.
    """
    rows, cols = pixels.shape[-2:]
    down = _places(to.top, to.bottom, step[0], at.top, rows)
    across = _places(to.left, to.right, step[1], at.left, cols)
    places = torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=-1)[None]  # (1, h, w, 2)
    taken = grid_sample(
        pixels.float(),
        places.to(pixels.device),
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )
    return taken.to(pixels.dtype)


def _places(start: int, stop: int, step: float, first: int, length: int) -> Tensor:
    """Centres of cells as ``grid_sample`` wants them: -1 to 1 from border to border."""
    centres = (torch.arange(start, stop, dtype=torch.float64) + 0.5) * step - first
    return (2 * centres / length - 1).float()


def reflect_bottom_right(pixels: Tensor, rows: int, cols: int) -> Tensor:
    """Continue a picture by mirroring it, as often as it takes; a single pixel is repeated."""
    while rows > 0 or cols > 0:
        height, width = pixels.shape[-2:]
        if height == 1 or width == 1:
            pixels = pad(pixels, (0, int(width == 1), 0, int(height == 1)), mode="replicate")
            rows, cols = rows - int(height == 1), cols - int(width == 1)
            continue
        now_rows, now_cols = min(max(rows, 0), height - 1), min(max(cols, 0), width - 1)
        pixels = pad(pixels, (0, now_cols, 0, now_rows), mode="reflect")
        rows, cols = rows - now_rows, cols - now_cols
    return pixels


def _at_least(pixels: Tensor, canvas: Size) -> Tensor:
    """Repeat the last row or column where rounding down left one too few."""
    rows = max(0, canvas.height - pixels.shape[-2])
    cols = max(0, canvas.width - pixels.shape[-1])
    return pad(pixels, (0, cols, 0, rows), mode="replicate") if rows or cols else pixels
