"""Enlarge pixels and alpha by any factor: passes of a network, tile by tile, to the exact size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.images.alpha import fill_under_alpha, resize_alpha
from scalediff_engine.images.colour import from_srgb, to_srgb
from scalediff_engine.images.lock import source_lock
from scalediff_engine.images.picture import Picture, Pixels
from scalediff_engine.images.resample import (
    Kernel,
    SourceBox,
    resize,
    resize_in_range,
    within_neighbours,
)
from scalediff_engine.upscalers.network import Network, shipped
from scalediff_engine.upscalers.spec import pass_sizes

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


# Only coarse colours are the source's own: its noise and JPEG blocks are to go.
_LOCKED_BAND = 0.25
# Of the time; the rest goes to colours and the lock, more of it the more channels there are.
NETWORKS_SHARE = 0.75
_COLOURS_END = 0.85
_ALPHA_SHARE = 0.25  # of the time, where transparency is not the same everywhere


def upscale_fast(
    picture: Picture, size: Size, *, on_fraction: OnFraction = lambda _: None
) -> Picture:
    """Enlarge a picture with the fast networks.

    Args:
        picture: in any colour model, profile and depth; not changed
        size: of the result
        on_fraction: hears 0..1, of the networks up to ``NETWORKS_SHARE`` (earlier where there is
            transparency, which is enlarged last); may raise ``Cancelled``

    Returns:
        The picture at ``size``, with the source's colour model, profile, depth, alpha, metadata.

    Raises:
        UsageError: an empty size, or more than 32 times the picture's.
        ModelMissing, ModelError: the networks cannot be used.
    """
    pixels, alpha = picture.pixels, picture.alpha
    share = 1.0
    if alpha is not None:
        pixels = fill_under_alpha(pixels, alpha)
        share -= _ALPHA_SHARE if alpha.min() < alpha.max() else 0.0
    filled = replace(picture, pixels=pixels)
    seen = np.clip(to_srgb(filled), 0, 1)
    enlarged = enlarge_to(
        seen, size, on_fraction=lambda done: on_fraction(share * NETWORKS_SHARE * done)
    )
    result = from_srgb(enlarged, filled)
    del enlarged
    on_fraction(share * _COLOURS_END)
    known = from_srgb(seen, filled)
    result = source_lock(known, result, cutoff=_LOCKED_BAND, clip=False)
    # colours outside of sRGB's gamut and range, and how much of a colour is black ink
    _add_enlarged(result, pixels - known)
    if not picture.depth.is_float:
        result = np.clip(result, 0, 1)
    on_fraction(share)
    if alpha is not None:
        alpha = enlarge_alpha(
            alpha, size, on_fraction=lambda done: on_fraction(share + (1 - share) * done)
        )
    on_fraction(1.0)
    return replace(picture, pixels=result, alpha=alpha)


def _add_enlarged(result: Pixels, unseen: Pixels) -> None:
    """Add (h, w, C) to (H, W, C), enlarged without ringing."""
    size = Size(result.shape[1], result.shape[0])
    for channel in range(result.shape[2]):
        plane = unseen[..., channel]
        if plane.any():
            result[..., channel] += resize_in_range(plane, size)


_ALPHA_TILE_PX = 1024  # of the result, per side
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
        for tile in tiles(computed.size, _ALPHA_TILE_PX):
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
