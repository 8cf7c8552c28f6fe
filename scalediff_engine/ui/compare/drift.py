"""How far a result has drifted from its source: scaled back, it should be the source again.

For threads; numpy lets others work meanwhile, band by band.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.ui import raster
from scalediff_engine.ui.raster import NotWanted, Pixels8, Raster, always

_BAND_PIXELS = 1 << 18
# Of 255; what is further off is painted like this.
FULL_HEAT = 16.0
# Below this nobody sees it, and rounding to 8 bits alone makes half a level of it.
_SILENT = 2.0


@dataclass(frozen=True)
class Drift:
    """The difference between a source and its result scaled back.

    Attributes:
        heat: for painting over the picture; one pixel for each of the source
        mean, most: of 255; ``most`` is what 99.9 % of the pixels stay below
    """

    heat: Raster
    mean: float
    most: float


def measure(source: Pixels8, result: Pixels8, is_wanted: Callable[[], bool] = always) -> Drift:
    """Compare a result with its source.

    Args:
        source, result: (h, w, 4) blue, green, red, alpha
        is_wanted: asked now and then

    Raises:
        NotWanted: it is not.
    """
    height, width, _ = source.shape
    difference = np.empty((height, width), np.float32)
    rows = max(1, _BAND_PIXELS * height // max(1, result.shape[0] * result.shape[1]))
    for top in range(0, height, rows):
        if not is_wanted():
            raise NotWanted
        bottom = min(height, top + rows)
        back = shrunk_rows(result, (height, width), top, bottom)
        wanted = source[top:bottom].astype(np.float32)
        difference[top:bottom] = np.abs(back - wanted).max(axis=2)
    most = float(np.quantile(difference, 0.999))
    return Drift(_painted(difference, is_wanted), float(difference.mean()), most)


def shrunk_rows(
    picture: Pixels8, shape: tuple[int, int], top: int, bottom: int
) -> NDArray[np.float32]:
    """Give rows of a picture scaled down by averaging areas; edges may cut pixels in two.

    Args:
        picture: (h, w, c)
        shape: height and width that the whole is scaled to
        top, bottom: which rows of that are wanted

    Returns:
        (bottom - top, width, c)
    """
    ratio = picture.shape[0] / shape[0]
    first = int(np.floor(top * ratio + 1e-9))
    last = min(picture.shape[0], int(np.ceil(bottom * ratio - 1e-9)))
    band = picture[first:last].astype(np.float32)
    edges = np.arange(top, bottom + 1) * ratio - first
    narrow = _averaged(band, edges)
    across = np.arange(shape[1] + 1) * (picture.shape[1] / shape[1])
    return _averaged(narrow.swapaxes(0, 1), across).swapaxes(0, 1)


def _averaged(values: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Average along the first axis between each two neighbouring edges."""
    count = values.shape[0]
    sums = np.zeros((count + 1, *values.shape[1:]), np.float64)
    np.cumsum(values, axis=0, dtype=np.float64, out=sums[1:])
    edges = np.clip(edges, 0, count)
    whole = np.minimum(edges.astype(np.int64), count - 1)
    part = (edges - whole).reshape(-1, *([1] * (values.ndim - 1)))
    integral = sums[whole] + part * values[whole]
    widths = np.diff(edges).reshape(part[1:].shape)
    return (np.diff(integral, axis=0) / widths).astype(np.float32)


def _painted(difference: NDArray[np.float32], is_wanted: Callable[[], bool]) -> Raster:
    """Paint it: nothing where nothing is to be seen, then yellow, orange, red."""
    heat = np.clip((difference - _SILENT) / (FULL_HEAT - _SILENT), 0.0, 1.0)
    alpha = 0.9 * np.sqrt(heat)
    pixels = np.empty((*difference.shape, 4), np.uint8)
    pixels[..., 0] = 0
    pixels[..., 1] = (alpha * 255 * (0.9 * (1 - heat))).astype(np.uint8)
    pixels[..., 2] = (alpha * 255).astype(np.uint8)
    pixels[..., 3] = (alpha * 255).astype(np.uint8)
    return raster.build(pixels, has_alpha=True, is_wanted=is_wanted)
