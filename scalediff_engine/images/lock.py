"""The source lock: coarse structure and colour from the source, fine detail from the result.

::

    locked = up(source) + (result - up(shrink(result)))  =  result + up(source - shrink(result))

(one such step; enlarging and shrinking is not quite the identity, so what a step leaves over is
corrected in the same way two more times, as in iterative back-projection).

What a floating-point source has beyond the range that the model saw (highlights of HDR), the result
has nothing to say about. It is set aside, enlarged without ringing and added at the end: through
the steps above, the edge of a highlight would ring by a fifth of its height, far below black.

``shrink`` goes to a *lock grid* of ``cutoff`` times the source's size, ``up`` from there to the
result's size. Both sides of the equation are the same, because ``up`` is linear; the second one
moves one small picture instead of two large ones.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import Kernel, SourceBox, resize, resize_in_range

_REFINEMENTS = 2
_CLIP_ROUNDS = 3


@dataclass(frozen=True)
class Alignment:
    """Where a part of a source and a part of its result lie.

    Attributes:
        source: pixels of the source; all that the result's part shows, or more
        result: pixels of the result
        scale: pixels of the result to one of the source, across and down
    """

    source: Box
    result: Box
    scale: tuple[float, float]


def source_lock(
    source: Pixels,
    result: Pixels,
    *,
    strength: float = 1.0,
    cutoff: float = 1.0,
    clip: bool = True,
    seen_range: tuple[float, float] | None = None,
    places: Alignment | None = None,
) -> Pixels:
    """Replace the low frequencies of ``result`` by those of ``source``.

    Args:
        source: (h, w, C), in its own colour space
        result: (H, W, C), same colour space; any ratio of sizes, also a different one per axis
        strength: 0 leaves the result alone, 1 locks fully, linear between
        cutoff: fraction of the source's Nyquist frequency that belongs to the source, in (0, 1];
            1 is the whole band (shrinking the result gives the source back, but for the error of
            resampling), 0.25 only coarse colours
        clip: True for integer depths: values end within 0..1, and what clipping takes from a
            neighbourhood is given back to its unclipped pixels where there is room; False for
            floating-point depths: nothing is clipped
        seen_range: least and greatest value that the model saw of the source; what lies beyond is
            enlarged by itself; None if it saw all of it
        places: of both, where they are parts: the pixels are then set to each other as those of
            the wholes are, and ``cutoff`` is 1; None = they are the wholes

    Returns:
        (H, W, C) float32

    Raises:
        ValueError: different numbers of channels, ``strength`` outside 0..1, ``cutoff`` outside
            (0, 1].
    """
    if source.ndim != 3 or result.ndim != 3 or source.shape[2] != result.shape[2]:
        raise ValueError(f"cannot lock a result of shape {result.shape} to a {source.shape} source")
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength is {strength} and must be within 0..1")
    if not 0.0 < cutoff <= 1.0:
        raise ValueError(f"cutoff is {cutoff} and must be above 0 and at most 1")
    grid = _lock_grid(source, result, cutoff) if places is None else places.source.size
    between = _Between(grid, _size(result), places)
    locked = np.empty(result.shape, np.float32)

    def lock(channel: int) -> None:
        plane, beyond = source[..., channel], None
        if seen_range is not None:
            seen: Pixels = np.clip(plane, *seen_range)
            plane, beyond = seen, _shrink(plane - seen, grid)
        locked[..., channel] = _locked_plane(
            _shrink(plane, grid), result[..., channel], between, strength, clip=clip
        )
        if beyond is not None and beyond.any():
            enlarged = resize_in_range(beyond, _size(result), box=between.of_grid)
            locked[..., channel] += enlarged * np.float32(strength)

    # resampling lets other threads run, so that channels take turns on no more than one core each
    with ThreadPoolExecutor(max_workers=result.shape[2]) as pool:
        list(pool.map(lock, range(result.shape[2])))
    return locked


def drift(source: Pixels, result: Pixels) -> Pixels:
    """How far the result, shrunk to the source's size, is from the source.

    Args:
        source: (h, w, C)
        result: (H, W, C), same colour space

    Returns:
        (h, w, C) float32, shrunk result minus source: 0 where the result says the same
    """
    return _shrink(result, _size(source)) - source.astype(np.float32, copy=False)


def _size(pixels: Pixels) -> Size:
    return Size(pixels.shape[1], pixels.shape[0])


def _lock_grid(source: Pixels, result: Pixels, cutoff: float) -> Size:
    # An axis on which the result is smaller than the source has no band above the result's own.
    width = min(source.shape[1], result.shape[1])
    height = min(source.shape[0], result.shape[0])
    return Size(max(1, round(width * cutoff)), max(1, round(height * cutoff)))


def _shrink(pixels: Pixels, grid: Size) -> Pixels:
    return resize(pixels, grid, kernel=Kernel.BICUBIC)


class _Between:
    """The ways between the lock grid and the result, for wholes or for parts of them.

    Args:
        grid: size of the lock grid
        result: size of the result
        places: of both if they are parts
    """

    def __init__(self, grid: Size, result: Size, places: Alignment | None) -> None:
        self._grid, self._result = grid, result
        self._beyond = (0, 0), (0, 0)
        # what of the grid the result shows, and what of the result (so padded) the grid shows
        self.of_grid: SourceBox | None = None
        self._of_result: SourceBox | None = None
        if places is None:
            return
        (across, down), source, part = places.scale, places.source, places.result
        self.of_grid = SourceBox(
            max(0.0, part.left / across - source.left),
            max(0.0, part.top / down - source.top),
            min(float(grid.width), part.right / across - source.left),
            min(float(grid.height), part.bottom / down - source.top),
        )
        shown = SourceBox(
            source.left * across - part.left,
            source.top * down - part.top,
            source.right * across - part.left,
            source.bottom * down - part.top,
        )
        before = max(0, math.ceil(-shown.top)), max(0, math.ceil(-shown.left))
        after = (
            max(0, math.ceil(shown.bottom) - result.height),
            max(0, math.ceil(shown.right) - result.width),
        )
        self._beyond = (before[0], after[0]), (before[1], after[1])
        self._of_result = SourceBox(
            shown.left + before[1],
            shown.top + before[0],
            shown.right + before[1],
            shown.bottom + before[0],
        )

    def shrink(self, result: Pixels) -> Pixels:
        """(H, W) to the lock grid; what a part lacks at its border is its border repeated."""
        if self._of_result is None:
            return _shrink(result, self._grid)
        padded = np.pad(result, self._beyond, mode="edge")
        return resize(padded, self._grid, box=self._of_result)

    def enlarge(self, coarse: Pixels) -> Pixels:
        """(h, w) of the lock grid to the result's size."""
        return resize(coarse, self._result, box=self.of_grid)


def _locked_plane(
    source: Pixels, result: Pixels, between: _Between, strength: float, *, clip: bool
) -> Pixels:
    """:func:`source_lock` of one channel: (h, w) of the lock grid and (H, W) to (H, W)."""
    locked = np.array(result, dtype=np.float32)
    if strength > 0.0:
        coarse = between.shrink(locked)
        step = (source - coarse) * np.float32(strength)
        wanted: Pixels = coarse + step.astype(np.float32, copy=False)
        for _ in range(1 + _REFINEMENTS):
            missing: Pixels = wanted - coarse
            locked += between.enlarge(missing)
            coarse = between.shrink(locked)
    return _clipped(locked, between) if clip else locked


def _clipped(plane: Pixels, between: _Between) -> Pixels:
    """``plane`` (H, W) within 0..1; what is cut off goes to the neighbours that have room."""
    for _ in range(_CLIP_ROUNDS):
        clipped = np.clip(plane, 0.0, 1.0)
        overshoot = plane - clipped
        if not overshoot.any():
            return clipped
        plane = clipped + between.enlarge(between.shrink(overshoot))
    return np.clip(plane, 0.0, 1.0)
