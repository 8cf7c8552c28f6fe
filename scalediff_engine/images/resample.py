"""Resize float pixels to any size, from any fractional part of them, one channel at a time."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scalediff_engine.base.geometry import Size
from scalediff_engine.images.picture import Pixels


class Kernel(Enum):
    """A resampling kernel; all but NEAREST widen when shrinking, so that nothing aliases."""

    NEAREST = Image.Resampling.NEAREST
    BOX = Image.Resampling.BOX
    BILINEAR = Image.Resampling.BILINEAR
    BICUBIC = Image.Resampling.BICUBIC
    LANCZOS = Image.Resampling.LANCZOS


class SourceBox(NamedTuple):
    """A part of the source in fractional pixels; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float


def resize(
    pixels: Pixels, size: Size, *, box: SourceBox | None = None, kernel: Kernel = Kernel.BICUBIC
) -> Pixels:
    """Resample in float32; values outside 0..1 are kept, and nothing is clipped.

    Args:
        pixels: (H, W, C) or (H, W), finite
        size: of the result, pixels
        box: the part of the source that becomes the result; None is all of it
        kernel: see :class:`Kernel`; bicubic is a = -0.5

    Returns:
        (size.height, size.width, C) or (size.height, size.width); never a view of ``pixels``

    Raises:
        ValueError: an empty size, or a box that is empty or leaves the source.
    """
    height, width = pixels.shape[:2]
    if min(size) < 1:
        raise ValueError(f"a picture cannot be resized to {size}")
    whole = SourceBox(0.0, 0.0, float(width), float(height))
    if box is None:
        box = whole
    if box == whole and size == (width, height):
        return np.array(pixels, dtype=np.float32)
    if pixels.ndim == 2:
        return _resize_plane(pixels, size, box, kernel)
    result = np.empty((size.height, size.width, pixels.shape[2]), np.float32)
    for channel in range(pixels.shape[2]):
        result[..., channel] = _resize_plane(pixels[..., channel], size, box, kernel)
    return result


def resize_in_range(plane: Pixels, size: Size, *, box: SourceBox | None = None) -> Pixels:
    """Resample without ringing: nothing lies outside the range of the pixels around it.

    Enlarging is bicubic and kept between the least and the greatest of the four nearest source
    pixels, so that flat regions stay exactly flat. Shrinking is bilinear over all pixels that
    become one, which cannot overshoot.

    Args:
        plane: (H, W), finite
        size: of the result, pixels
        box: the part of the plane that becomes the result; None is all of it

    Returns:
        (size.height, size.width), within the range of ``plane``
    """
    height, width = plane.shape
    box = box or SourceBox(0.0, 0.0, float(width), float(height))
    if size.width < box.right - box.left or size.height < box.bottom - box.top:
        shrunk = resize(plane, size, box=box, kernel=Kernel.BILINEAR)
        return np.clip(shrunk, plane.min(), plane.max())
    return within_neighbours(resize(plane, size, box=box, kernel=Kernel.BICUBIC), plane, box)


def within_neighbours(enlarged: Pixels, plane: Pixels, box: SourceBox) -> Pixels:
    """Keep an enlargement between the least and the greatest of the four nearest source pixels.

    Args:
        enlarged: (h, w), not smaller than the box
        plane: (H, W), the source
        box: the part of the source that was enlarged
    """
    height, width = plane.shape
    left, right = _neighbours(box.left, box.right, width, enlarged.shape[1])
    above, below = _neighbours(box.top, box.bottom, height, enlarged.shape[0])
    low, high = np.minimum(plane[above], plane[below]), np.maximum(plane[above], plane[below])
    return np.clip(
        enlarged,
        np.minimum(low[:, left], low[:, right]),
        np.maximum(high[:, left], high[:, right]),
    )


def _neighbours(
    start: float, stop: float, source_px: int, target_px: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The source pixels whose centres enclose each target pixel's centre, along one axis."""
    centres = start + (np.arange(target_px) + 0.5) * (stop - start) / target_px - 0.5
    first = np.floor(centres + 1e-9).astype(np.intp)
    return np.clip(first, 0, source_px - 1), np.clip(first + 1, 0, source_px - 1)


def _resize_plane(plane: Pixels, size: Size, box: SourceBox, kernel: Kernel) -> Pixels:
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))  # mode F
    return np.array(image.resize(size, kernel.value, box), dtype=np.float32)
