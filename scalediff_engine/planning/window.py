"""A look at a part of the result: what of each stage has to be computed.

A part of the canvas comes out as it does in the whole run only as far as nothing beyond it is
seen: convolutions see some pixels further at each layer, attention half a window. So a part is
computed with a margin, and small stages whole. What normalisation sees of the rest is another
matter, see ``pipeline.norm_statistics``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.client.messages import Window
from scalediff_engine.method.stages import StageSizes
from scalediff_engine.spec.family import FamilyFacts

MAX_SIDE = 2048
# Around the window, of the native size. Measured, see docs/loupe.md.
MARGIN = 1 / 4
# A stage of no more than so many native pictures is computed whole: a part and its sample would
# cost as much.
WHOLE_UP_TO = 4.0
# Pieces of the sample along each axis, and their sides, of the native size. Measured as well.
SAMPLE = 4
SAMPLE_SIDE = 3 / 8
# A bicubic resize looks two cells around.
_BICUBIC_PX = 2


@dataclass(frozen=True)
class Parts:
    """What is computed for a window.

    Attributes:
        start: of the start canvas, in its pixels; None = all of it
        stages: of each stage's canvas, in its pixels; None = all of it
    """

    start: Box | None
    stages: tuple[Box | None, ...]


def window_box(window: Window, target: Size) -> Box:
    """Give a window as a box in the result's pixels.

    Raises:
        UsageError: it is empty, too large, or not inside the result.
    """
    x, y, size = window.x, window.y, Size(window.width, window.height)
    if min(size) < 1:
        raise UsageError(f"The window is {size}; it has at least one pixel.")
    if max(size) > MAX_SIDE:
        raise UsageError(f"The window is {size}; a side has at most {MAX_SIDE} pixels.")
    box = Box(x, y, x + size.width, y + size.height)
    if box != box.within(target):
        raise UsageError(
            f"The window of {size} at {x},{y} is not inside the result, which is {target}."
        )
    return box


def parts_for(window: Box, sizes: StageSizes, facts: FamilyFacts, by_views: bool = False) -> Parts:
    """Settle what of each canvas is computed, so that the window can be.

    Every part has in it what the part of the following stage is enlarged from. A part begins and
    ends where all layers of the model have a whole token, so that they cut it as they cut the
    whole.

    Args:
        window: in pixels of the result
        sizes: of the run
        facts: of the model
        by_views: whether the latent is seen in views, every half native size: a part then begins
            and ends with them
    """
    across = facts.native.width // 2 if by_views else facts.multiples.width
    down = facts.native.height // 2 if by_views else facts.multiples.height
    parts: list[Box] = []
    following: tuple[Box, Size] | None = None
    for canvas in (*reversed(sizes.canvases), sizes.start):
        part = _around(_mapped(window, sizes.canvas, canvas), canvas, facts)
        if following is not None:
            below = _mapped(following[0], following[1], canvas).grown(_BICUBIC_PX)
            part = part.with_box(below)
        part = _snapped(part, canvas, across, down)
        if canvas.area <= WHOLE_UP_TO * facts.native.area:
            part = Box.of(canvas)
        following = part, canvas
        parts.append(part)
    canvases = (*reversed(sizes.canvases), sizes.start)
    found = [
        None if part == Box.of(canvas) else part
        for part, canvas in zip(parts, canvases, strict=True)
    ]
    return Parts(found[-1], tuple(reversed(found[:-1])))


def enclosing(box: Box, whole: Size, other: Size) -> Box:
    """Give what of another size of the same picture has a part in it, in whole pixels."""
    return _mapped(box, whole, other)


def _mapped(box: Box, whole: Size, other: Size) -> Box:
    across, down = other.width / whole.width, other.height / whole.height
    mapped = Box(
        math.floor(box.left * across + 1e-9),
        math.floor(box.top * down + 1e-9),
        math.ceil(box.right * across - 1e-9),
        math.ceil(box.bottom * down - 1e-9),
    )
    return mapped.within(other)


def _around(box: Box, canvas: Size, facts: FamilyFacts) -> Box:
    """The box with its margin, and no smaller than what the model was trained on."""
    native = facts.native
    left, right = _span(box.left, box.right, native.width, canvas.width)
    top, bottom = _span(box.top, box.bottom, native.height, canvas.height)
    return Box(left, top, right, bottom)


def _span(start: int, stop: int, native: int, length: int) -> tuple[int, int]:
    margin = round(native * MARGIN)
    start, stop = max(0, start - margin), min(length, stop + margin)
    missing = min(native, length) - (stop - start)
    if missing > 0:
        start = min(max(0, start - missing // 2), length - min(native, length))
        stop = start + min(native, length)
    return start, stop


def _snapped(box: Box, canvas: Size, across: int, down: int) -> Box:
    """The box with its sides on multiples, and within the canvas."""
    left, top, right, bottom = box
    return Box(
        left // across * across,
        top // down * down,
        -(-right // across) * across,
        -(-bottom // down) * down,
    ).within(canvas)


def sample_boxes(canvas: Size, facts: FamilyFacts) -> list[Box]:
    """Give pieces from all over a canvas, all of one size.

    At every stage they have the same middles, so that a piece lies in that of the stage before.
    """
    across = _sample_spans(canvas.width, facts.native.width, facts.multiples.width)
    down = _sample_spans(canvas.height, facts.native.height, facts.multiples.height)
    return [Box(left, top, right, bottom) for top, bottom in down for left, right in across]


def sample_size(canvas: Size, facts: FamilyFacts) -> Size:
    """Give the size of all pieces together."""
    piece = sample_boxes(canvas, facts)[0].size
    return Size(SAMPLE * piece.width, SAMPLE * piece.height)


def _sample_spans(length: int, native: int, multiple: int) -> list[tuple[int, int]]:
    side = min(length, max(multiple, round(native * SAMPLE_SIDE) // multiple * multiple))
    centres = [(k + 0.5) * length / SAMPLE for k in range(SAMPLE)]
    starts = [min(max(0, round(centre - side / 2)), length - side) for centre in centres]
    return [(start, start + side) for start in starts]
