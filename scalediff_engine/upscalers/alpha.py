"""Enlarge transparency with the fast networks, as a grey picture: hard edges stay hard."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.alpha import resize_alpha
from scalediff_engine.images.picture import Pixels
from scalediff_engine.images.resample import SourceBox, within_neighbours
from scalediff_engine.upscalers.enlarge import OnFraction, network_tile, tiles
from scalediff_engine.upscalers.network import Network, shipped
from scalediff_engine.upscalers.passes import pass_sizes

TILE_PX = 1024  # of the result, per side
# What a network and the resampling after it look at around a pixel, in pixels of their input.
_REACH_PX = 64
_NEIGHBOUR_PX = 4
_HARD = 10 / 255  # a step between neighbouring pixels; a network leaves softer ones as they are


def enlarge_alpha(
    alpha: Pixels,
    size: Size,
    *,
    window: Box | None = None,
    on_fraction: OnFraction = lambda _: None,
    network: Callable[[int], Network] = shipped,
) -> Pixels:
    """Enlarge transparency; every pixel stays within the range of the source pixels around it.

    So opaque, transparent and flat regions stay exactly as they are. Only regions with a hard edge
    in them run through a network; the rest is resampled, which looks the same and is quicker.

    Args:
        alpha: (H, W) 0..1
        size: of the whole result
        window: the part of the result that is wanted; None = all of it
        on_fraction: called with 0..1 after every tile; may raise ``Cancelled``
        network: gives the network of a scale

    Returns:
        (h, w) of the window, the same values as of the whole

    Raises:
        ModelMissing, ModelError: the networks cannot be used.
    """
    now = Size(alpha.shape[1], alpha.shape[0])
    window = window or Box.of(size)
    if alpha.min() == alpha.max():
        return np.full((window.size.height, window.size.width), alpha.flat[0], np.float32)
    passes = pass_sizes(now, size)
    if not passes or size.width < now.width or size.height < now.height:
        return resize_alpha(alpha, size)[window.top : window.bottom, window.left : window.right]
    boxes = _computed(passes, window)
    total, done = sum(box.size.area for box in boxes), 0
    plane = alpha
    for (scale, goal), computed in zip(passes, boxes, strict=True):
        result = np.zeros((goal.height, goal.width), np.float32)
        for tile in tiles(computed.size, TILE_PX):
            tile = tile.shifted(computed.left, computed.top)
            _resample(result, alpha, tile)
            edges = _edges(alpha, goal, tile)
            if edges is not None:
                _enlarge_edges(result, plane, alpha, network(scale), edges)
            done += tile.size.area
            on_fraction(done / total)
        plane = result
    return plane[window.top : window.bottom, window.left : window.right]


def _computed(passes: list[tuple[int, Size]], window: Box) -> list[Box]:
    """What of each pass's result the window of the last one depends on."""
    boxes = [window]
    for (_, goal), (_, before) in zip(passes[:0:-1], passes[-2::-1], strict=True):
        boxes.append(_enclosing(boxes[-1], goal, before).grown(_REACH_PX).within(before))
    return boxes[::-1]


def _enclosing(part: Box, of: Size, other: Size) -> Box:
    """A part of one size of a picture, rounded outwards to whole pixels of another."""
    across, down = other.width / of.width, other.height / of.height
    return Box(
        math.floor(part.left * across),
        math.floor(part.top * down),
        math.ceil(part.right * across),
        math.ceil(part.bottom * down),
    )


def _exact(part: Box, of: Size, source: Pixels) -> SourceBox:
    across, down = source.shape[1] / of.width, source.shape[0] / of.height
    return SourceBox(
        part.left * across,
        part.top * down,
        min(part.right * across, float(source.shape[1])),
        min(part.bottom * down, float(source.shape[0])),
    )


def _resample(result: Pixels, alpha: Pixels, tile: Box) -> None:
    """Fill a tile with interpolated source pixels."""
    goal, source = Size(result.shape[1], result.shape[0]), Size(alpha.shape[1], alpha.shape[0])
    near = _enclosing(tile, goal, source).grown(_NEIGHBOUR_PX).within(source)
    exact = _exact(tile, goal, alpha)
    box = SourceBox(
        exact.left - near.left,
        exact.top - near.top,
        exact.right - near.left,
        exact.bottom - near.top,
    )
    part = alpha[near.top : near.bottom, near.left : near.right]
    resampled = resize_alpha(part, tile.size, box=box)
    result[tile.top : tile.bottom, tile.left : tile.right] = resampled


def _edges(alpha: Pixels, goal: Size, tile: Box) -> Box | None:
    """The part of a tile in which neighbouring source pixels differ much, or None."""
    source = Size(alpha.shape[1], alpha.shape[0])
    seen = _enclosing(tile, goal, source).grown(_NEIGHBOUR_PX).within(source)
    part = alpha[seen.top : seen.bottom, seen.left : seen.right]
    differs = np.zeros(part.shape, np.bool_)
    differs[:, 1:] |= np.abs(part[:, 1:] - part[:, :-1]) > _HARD
    differs[1:] |= np.abs(part[1:] - part[:-1]) > _HARD
    rows, cols = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return None
    found = Box(int(cols[0]) - 1, int(rows[0]) - 1, int(cols[-1]) + 1, int(rows[-1]) + 1)
    found = found.shifted(seen.left, seen.top).grown(_NEIGHBOUR_PX).within(source)
    found = _enclosing(found, source, goal)
    return Box(
        max(found.left, tile.left),
        max(found.top, tile.top),
        min(found.right, tile.right),
        min(found.bottom, tile.bottom),
    )


def _enlarge_edges(
    result: Pixels, plane: Pixels, alpha: Pixels, network: Network, edges: Box
) -> None:
    goal = Size(result.shape[1], result.shape[0])
    grey = np.broadcast_to(plane[..., None], (*plane.shape, 3))
    made = network_tile(network, grey, goal, edges).mean(axis=2)
    made = within_neighbours(made, alpha, _exact(edges, goal, alpha))
    result[edges.top : edges.bottom, edges.left : edges.right] = made
