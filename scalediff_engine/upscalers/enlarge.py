"""Enlarge by any factor: one or more passes of a network, tile by tile, to the exact size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import Kernel, SourceBox, resize
from scalediff_engine.upscalers.network import Network, shipped
from scalediff_engine.upscalers.passes import pass_sizes

MAX_SCALE = 32
TILE_PX = 1536  # of the result, per side: about half a gigabyte while it is worked on
_SUPPORT = 3  # of the Lanczos kernel, in pixels of the coarser side

OnFraction = Callable[[float], None]


def enlarge(
    pixels: Pixels,
    scale: float,
    *,
    on_fraction: OnFraction = lambda _: None,
    network: Callable[[int], Network] = shipped,
) -> Pixels:
    """Enlarge a picture by any factor of 1 to 32; see :func:`enlarge_to`.

    Args:
        pixels: (H, W, 3) float32 sRGB, 0..1
        scale: factor per side; sides are rounded to whole pixels

    Raises:
        UsageError: the factor is not within 1 to 32.
    """
    if not 1 <= scale <= MAX_SCALE:
        raise UsageError(f"The scale is {scale:g} and must be between 1 and {MAX_SCALE}.")
    size = Size(pixels.shape[1], pixels.shape[0]).scaled(scale)
    return enlarge_to(pixels, size, on_fraction=on_fraction, network=network)


def enlarge_to(
    pixels: Pixels,
    size: Size,
    *,
    on_fraction: OnFraction = lambda _: None,
    network: Callable[[int], Network] = shipped,
    tile_px: int = TILE_PX,
) -> Pixels:
    """Enlarge a picture to a size, one tile after another.

    Args:
        pixels: (H, W, 3) float32 sRGB; what lies outside of 0..1 is clipped
        size: of the result; where no side grows, the picture is only resampled
        on_fraction: hears 0..1 after every tile; may raise ``Cancelled``
        network: gives the network of a scale
        tile_px: side of a tile of the result; the result does not depend on it

    Returns:
        (size.height, size.width, 3) float32, 0..1

    Raises:
        UsageError: the size is empty or more than 32 times the picture's.
        ModelMissing, ModelError: the network cannot be used.
    """
    now = Size(pixels.shape[1], pixels.shape[0])
    if min(size) < 1 or max(size.width / now.width, size.height / now.height) > MAX_SCALE:
        raise UsageError(
            f"{now} cannot become {size}: every side must have at least one pixel "
            f"and grow at most {MAX_SCALE} times."
        )
    passes = pass_sizes(now, size)
    if not passes:
        return np.clip(resize(pixels, size, kernel=Kernel.LANCZOS), 0, 1)
    total, done = sum(goal.area for _, goal in passes), 0
    for scale, goal in passes:
        run = network(scale)
        result = np.empty((goal.height, goal.width, 3), np.float32)
        for tile in tiles(goal, tile_px):
            result[tile.top : tile.bottom, tile.left : tile.right] = network_tile(
                run, pixels, goal, tile
            )
            done += tile.size.area
            on_fraction(done / total)
        pixels = result
    return pixels


def tiles(size: Size, side_px: int) -> Iterator[Box]:
    """Boxes of about equal size, none longer than ``side_px``, that make up a picture."""
    rows, cols = (-(-length // side_px) for length in (size.height, size.width))
    for row in range(rows):
        for col in range(cols):
            yield Box(
                size.width * col // cols,
                size.height * row // rows,
                size.width * (col + 1) // cols,
                size.height * (row + 1) // rows,
            )


def network_tile(network: Network, pixels: Pixels, goal: Size, tile: Box) -> Pixels:
    """One tile of the goal, which need not be the size that the network makes."""
    made = Size(pixels.shape[1], pixels.shape[0]).scaled(network.scale)
    if made == goal:
        return network.region(pixels, tile)
    across, down = made.width / goal.width, made.height / goal.height
    margin = math.ceil(_SUPPORT * max(1.0, across, down)) + 1
    exact = SourceBox(tile.left * across, tile.top * down, tile.right * across, tile.bottom * down)
    needed = Box(
        math.floor(exact.left),
        math.floor(exact.top),
        math.ceil(exact.right),
        math.ceil(exact.bottom),
    )
    needed = needed.grown(margin).within(made)
    box = SourceBox(
        exact.left - needed.left,
        exact.top - needed.top,
        min(exact.right - needed.left, float(needed.size.width)),
        min(exact.bottom - needed.top, float(needed.size.height)),
    )
    part = network.region(pixels, needed)
    return np.clip(resize(part, tile.size, box=box, kernel=Kernel.LANCZOS), 0, 1)
