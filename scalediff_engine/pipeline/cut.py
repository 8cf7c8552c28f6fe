"""A stage on a part of its canvas: everything that depends on where the part lies.

For a stage that computes all of its canvas each function is the plain one of the method, so that a
whole run has nothing to do with this file.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Box, Grid, Offset, Size
from scalediff_engine.images.lock import Places, source_lock
from scalediff_engine.method.frequency import Lowpass, enlarge_latent, lowpass, lowpass_of_part
from scalediff_engine.method.noise import seeded_noise
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.pipeline.canvas import resample, source_canvas, to_canvas
from scalediff_engine.planning.plan import Plan, StagePlan
from scalediff_engine.planning.window import enclosing


class Cut:
    """Where a stage's latent lies in the latent of its canvas.

    Args:
        plan: of the run
        index: of the stage
        factor: pixels to a latent, per side
    """

    def __init__(self, plan: Plan, index: int, factor: int) -> None:
        self._plan = plan
        self._stage: StagePlan = plan.stages[index]
        self._factor = factor

    @property
    def whole(self) -> Grid:
        """Latents of the canvas."""
        return self._stage.canvas.grid(self._factor)

    @property
    def part(self) -> Box | None:
        """What of them is computed; None = all."""
        part = self._stage.part
        return None if part is None else part.divided(self._factor)

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw the noise of the whole latent and give what of it lies here.

        Args:
            shape: (1, C, rows, cols) of what is computed
            generator: has drawn as much afterwards as in a whole run
        """
        part = self.part
        if part is None:
            return seeded_noise(shape, generator)
        return _taken(seeded_noise((*shape[:2], *self.whole), generator), part)

    @property
    def lowpass(self) -> Lowpass:
        """The filter of the whole latent on what is computed."""
        part = self.part
        if part is None:
            return lowpass
        return partial(lowpass_of_part, part=part, whole=self.whole)

    def enlarge_latent(self, z: Tensor, before: Box | None, canvas: Size) -> Tensor:
        """Enlarge the latent of the stage before, bicubic.

        Args:
            z: (1, C, rows, cols), of that stage
            before: where in its canvas it lies, in pixels; None = it is the whole
            canvas: of that stage

        Returns:
            (1, C, rows, cols) of what is computed here.
        """
        part, whole = self.part, self.whole
        if part is None:
            return enlarge_latent(z, (whole.rows, whole.cols))
        rows, cols = canvas.grid(self._factor)
        at = Box(0, 0, cols, rows) if before is None else before.divided(self._factor)
        return resample(z, at, (rows / whole.rows, cols / whole.cols), part)

    def offset(self, offset: Offset) -> Offset:
        """Give where the whole's tiling starts, seen from the top left of the part."""
        part = self.part
        return offset if part is None else Offset(offset.row - part.top, offset.col - part.left)

    def in_window(self, z: Tensor) -> Tensor:
        """Give what of a latent somebody asked to see."""
        part, window = self.part, self._plan.window
        if window is None:
            return z
        rows, cols = self.whole
        here = enclosing(window, self._plan.sizes.canvas, Size(cols, rows))
        return _taken(z, here if part is None else here.seen_from(part))


def locked_part(x: Tensor, source: Tensor, sizes: StageSizes, stage: StagePlan) -> Tensor:
    """Give the next stage a part that still is the source; (1, 3, H, W), any range."""
    assert stage.part is not None  # a whole canvas has a simpler way
    whole = source_canvas(source, sizes)
    known = enclosing(stage.part, stage.canvas, whole)
    pixels = to_canvas(source, sizes, whole, known)
    scale = stage.canvas.width / whole.width, stage.canvas.height / whole.height
    locked = source_lock(
        *(t[0].permute(1, 2, 0).cpu().numpy() for t in (pixels, x)),
        clip=False,
        places=Places(known, stage.part, scale),
    )
    return torch.from_numpy(locked).permute(2, 0, 1)[None].to(x)


def _taken(z: Tensor, box: Box) -> Tensor:
    return z[..., box.top : box.bottom, box.left : box.right]
