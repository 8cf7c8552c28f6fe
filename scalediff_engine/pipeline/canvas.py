"""From the source to a stage's canvas and to the part of its latent that is computed.

The one place that maps between these coordinate spaces.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

from scalediff_engine.base.geometry import Box, Grid, Offset, Size
from scalediff_engine.images.lock import Alignment, source_lock
from scalediff_engine.method.frequency import Lowpass, enlarge_latent, lowpass, lowpass_of_part
from scalediff_engine.method.noise import seeded_noise
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.planning.plan import Plan, StagePlan
from scalediff_engine.planning.window import enclosing


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


class LatentCrop:
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
        return _crop_latent(seeded_noise((*shape[:2], *self.whole), generator), part)

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
        """Return the requested part of a latent."""
        part, window = self.part, self._plan.window
        if window is None:
            return z
        rows, cols = self.whole
        here = enclosing(window, self._plan.sizes.canvas, Size(cols, rows))
        return _crop_latent(z, here if part is None else here.seen_from(part))


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
        places=Alignment(known, stage.part, scale),
    )
    return torch.from_numpy(locked).permute(2, 0, 1)[None].to(x)


def _crop_latent(z: Tensor, box: Box) -> Tensor:
    return z[..., box.top : box.bottom, box.left : box.right]
