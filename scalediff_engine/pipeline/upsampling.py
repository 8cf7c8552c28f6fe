"""The picture that a stage begins with: the one before it, enlarged.

The method enlarges bicubic. A model that was trained on what the fast network makes of a small
picture begins with that instead, and adds to it: ``FamilyFacts.begins_with_network``.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.pipeline.canvas import (
    continued,
    resample,
    resize_canvas,
    resize_exactly,
    source_scale,
    to_canvas,
)
from scalediff_engine.upscalers.enlarge import TILE_PX, tiles
from scalediff_engine.upscalers.network import shipped

# Less than this is bicubic in any case: most of what the network draws would be thrown away.
LEAST_FACTOR = 1.4
_MARGIN = 4  # of a bicubic resize, in cells


class Enlarging:
    """Enlarges the source and what the stages make of it.

    Args:
        sizes: of the run
        with_network: whether the fast network does it, or a bicubic resize
    """

    def __init__(self, sizes: StageSizes, with_network: bool) -> None:
        self._sizes, self._with_network = sizes, with_network

    def of_source(self, source: Tensor, canvas: Size, part: Box | None = None) -> Tensor:
        """Enlarge the source onto a canvas; see ``to_canvas``.

        Args:
            source: (1, 3, h, w) sRGB, -1..1
            canvas: of a stage
            part: of the canvas, in its pixels; None = all of it

        Returns:
            (1, 3, H, W) of the canvas or the part.

        Raises:
            ModelMissing, ModelError: the network cannot be used.
        """
        scale = source_scale(source, self._sizes, canvas)
        if not self._is_worth_it(*scale):
            return to_canvas(source, self._sizes, canvas, part)
        padded = continued(source, scale, canvas)
        scale = scale[0] / 2, scale[1] / 2
        if part is None:
            return resize_exactly(_doubled(padded), scale, canvas)
        steps = 1 / scale[0], 1 / scale[1]
        at = _needed(part, steps, _twice(padded))
        return resample(_doubled(padded, at), at, steps, part)

    def of_stage(self, x: Tensor, before: Size, canvas: Size) -> Tensor:
        """Enlarge the whole picture of the stage before.

        Args:
            x: (1, 3, before.height, before.width), about -1..1
            before: canvas of that stage
            canvas: of this one

        Returns:
            (1, 3, canvas.height, canvas.width)
        """
        if self._is_worth_it(canvas.height / before.height, canvas.width / before.width):
            x = _doubled(x)
        return x if x.shape[-2:] == (canvas.height, canvas.width) else resize_canvas(x, canvas)

    def of_part(self, x: Tensor, at: Box, before: Size, canvas: Size, part: Box) -> Tensor:
        """Enlarge a part of the picture of the stage before onto a part of this canvas.

        Args:
            x: (1, 3, at.size.height, at.size.width), about -1..1
            at: where in its canvas it lies
            before, canvas: of that stage and of this one
            part: of the canvas, in its pixels

        Returns:
            (1, 3, part.size.height, part.size.width)
        """
        step = before.height / canvas.height, before.width / canvas.width
        if self._is_worth_it(1 / step[0], 1 / step[1]):
            doubled = Box(2 * at.left, 2 * at.top, 2 * at.right, 2 * at.bottom)
            step = 2 * step[0], 2 * step[1]
            needed = _needed(part, step, doubled)
            return resample(_doubled(x, needed.seen_from(doubled)), needed, step, part)
        return resample(x, at, step, part)

    def _is_worth_it(self, down: float, across: float) -> bool:
        return self._with_network and min(down, across) >= LEAST_FACTOR


def _doubled(x: Tensor, wanted: Box | None = None) -> Tensor:
    """What the network makes of a picture, (1, 3, h, w) to twice the size, or a part of it."""
    network = shipped(2)
    pixels = x[0].float().add(1).div(2).permute(1, 2, 0).cpu().numpy()
    wanted = wanted or _twice(x)
    made = np.empty((wanted.size.height, wanted.size.width, 3), np.float32)
    for tile in tiles(wanted.size, TILE_PX):
        here = Box(
            tile.left + wanted.left,
            tile.top + wanted.top,
            tile.right + wanted.left,
            tile.bottom + wanted.top,
        )
        made[tile.top : tile.bottom, tile.left : tile.right] = network.region(pixels, here)
    return torch.from_numpy(made).permute(2, 0, 1)[None].mul_(2).sub_(1).to(x)


def _twice(x: Tensor) -> Box:
    return Box(0, 0, 2 * x.shape[-1], 2 * x.shape[-2])


def _needed(part: Box, step: tuple[float, float], whole: Box) -> Box:
    """What a bicubic resize of a part looks at."""
    down, across = step
    box = Box(
        math.floor(part.left * across),
        math.floor(part.top * down),
        math.ceil(part.right * across),
        math.ceil(part.bottom * down),
    ).grown(_MARGIN)
    return Box(
        max(box.left, whole.left),
        max(box.top, whole.top),
        min(box.right, whole.right),
        min(box.bottom, whole.bottom),
    )
