"""A picture as the screen wants it: 8 bits, premultiplied, and halved again and again.

Painting a large picture small reads a level that is hardly larger than what is painted, so panning
costs what the window's pixels cost, whatever the picture's size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

Pixels8 = NDArray[np.uint8]

# Numpy lets other threads work meanwhile, but only between its operations.
_BAND_PIXELS = 1 << 18
# Small enough to be painted at any zoom in no time.
_SMALLEST_SIDE = 256


class NotWanted(Exception):
    """Whoever asked for it has given it up."""


def always() -> bool:
    """Say that it is still wanted."""
    return True


@dataclass(frozen=True)
class Raster:
    """A picture at several sizes.

    Attributes:
        arrays: each (h, w, 4) uint8, blue, green, red, alpha; each half of the one before
        has_alpha: whether anything may be transparent
        images: the same memory, for painting
    """

    arrays: tuple[Pixels8, ...]
    has_alpha: bool
    images: tuple[QImage, ...] = field(init=False)

    def __post_init__(self) -> None:
        images = tuple(as_image(array, has_alpha=self.has_alpha) for array in self.arrays)
        object.__setattr__(self, "images", images)

    @property
    def width(self) -> int:
        """In pixels."""
        return self.arrays[0].shape[1]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.arrays[0].shape[0]

    def level_for(self, zoom: float) -> int:
        """Give the smallest level that has at least ``zoom`` pixels for each of the picture's."""
        level = 0
        while level + 1 < len(self.arrays) and zoom * 2 ** (level + 1) <= 1.0:
            level += 1
        return level


def as_image(pixels: Pixels8, *, has_alpha: bool) -> QImage:
    """Give an image over the same memory, which must outlive it."""
    height, width, _ = pixels.shape
    form = QImage.Format.Format_ARGB32_Premultiplied if has_alpha else QImage.Format.Format_RGB32
    return QImage(pixels.data, width, height, pixels.strides[0], form)


def from_image(image: QImage) -> Raster:
    """Give the raster of a small picture that Qt has decoded."""
    has_alpha = image.hasAlphaChannel()
    form = QImage.Format.Format_ARGB32_Premultiplied if has_alpha else QImage.Format.Format_RGB32
    return build(pixels_of(image.convertToFormat(form)), has_alpha=has_alpha)


def pixels_of(image: QImage) -> Pixels8:
    """Copy the pixels of a 32-bit image: (h, w, 4)."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).copy()


def build(pixels: Pixels8, *, has_alpha: bool, is_wanted: Callable[[], bool] = always) -> Raster:
    """Make all levels of a picture; for a thread.

    Args:
        pixels: (h, w, 4) blue, green, red, alpha; premultiplied
        has_alpha: whether anything may be transparent
        is_wanted: asked now and then

    Raises:
        NotWanted: it is not.
    """
    arrays = [np.ascontiguousarray(pixels)]
    while max(arrays[-1].shape[:2]) > _SMALLEST_SIDE:
        arrays.append(_halved(arrays[-1], is_wanted))
    return Raster(tuple(arrays), has_alpha)


def _halved(pixels: Pixels8, is_wanted: Callable[[], bool]) -> Pixels8:
    """Average squares of four; an odd edge stands for itself."""
    height, width, _ = pixels.shape
    result = np.empty(((height + 1) // 2, (width + 1) // 2, 4), np.uint8)
    rows = max(1, _BAND_PIXELS // max(1, 2 * width))
    for top in range(0, result.shape[0], rows):
        if not is_wanted():
            raise NotWanted
        band = pixels[2 * top : 2 * (top + rows)]
        upper, lower = band[0::2], band[1::2]
        if len(lower) < len(upper):
            lower = np.concatenate([lower, upper[-1:]])
        sums = np.add(upper, lower, dtype=np.uint16)
        left, right = sums[:, 0::2], sums[:, 1::2]
        if right.shape[1] < left.shape[1]:
            right = np.concatenate([right, left[:, -1:]], axis=1)
        total = np.add(left, right)
        total += 2
        total >>= 2
        result[top : top + rows] = total
    return result
