"""Where a result goes in a document, and what becomes of the document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional


class Canvas(str, Enum):
    """What becomes of the document when a result is accepted."""

    KEEP = "keep"  # the layer may be larger than the canvas
    GROW = "grow"  # the canvas is made as large as the layer needs
    SCALE = "scale"  # the whole image is scaled, the layer lies over what it was made of
    NEW = "new"  # a document of its own
    IN_PLACE = "in-place"  # the result is scaled back over its source: detail at the same size


@dataclass(frozen=True)
class Rect:
    """A rectangle in pixels of a document; its corner may be negative."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class SourcePlace:
    """Where a source is in its document at one moment.

    Attributes:
        canvas: width and height of the document
        bounds: of the layer, in the document; none = the visible image
        position: offset of the layer's pixels, which moves with the layer but not when it is
            painted on
    """

    canvas: tuple[int, int]
    bounds: Optional[Rect] = None
    position: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Placement:
    """Where a layer goes.

    Attributes:
        layer: the rectangle that it fills, in the document as it then is
        canvas: the document's own rectangle, in the document as it was; what it becomes
        scaled: the size that the whole image is scaled to before the layer is put in; none = it
            is not scaled
    """

    layer: Rect
    canvas: Rect
    scaled: Optional[tuple[int, int]] = None


def place(
    source: Rect, width: int, height: int, document: tuple[int, int], canvas: Canvas
) -> Placement:
    """Find where a result goes.

    Args:
        source: what was upscaled, in the document
        width, height: of the result
        document: width and height of the document
        canvas: what the user chose
    """
    own = Rect(0, 0, *document)
    if canvas is Canvas.NEW:
        return Placement(Rect(0, 0, width, height), Rect(0, 0, width, height))
    if canvas is Canvas.IN_PLACE:
        return Placement(source, own)
    if canvas is Canvas.SCALE:
        wide, high = width / source.width, height / source.height
        scaled = _at_least_1(document[0] * wide), _at_least_1(document[1] * high)
        at = Rect(_rounded(source.x * wide), _rounded(source.y * high), width, height)
        return Placement(at, Rect(0, 0, *scaled), scaled)
    layer = Rect(source.x, source.y, width, height)
    return Placement(layer, _union(own, layer) if canvas is Canvas.GROW else own)


def default_canvas(source: Rect, document: tuple[int, int]) -> Canvas:
    """Return the choice to begin with: scale if the source covers the canvas, keep otherwise.

    Args:
        source: what is upscaled, in the document
        document: width and height of the document
    """
    return Canvas.SCALE if _contains(source, Rect(0, 0, *document)) else Canvas.KEEP


def follow(
    area: Rect, then: SourcePlace, now: SourcePlace, *, is_whole: bool = False
) -> Optional[Rect]:
    """Return where an area is after its source was moved; none if that cannot be known.

    Args:
        area: part of the source, in the document as it was
        then, now: where the source was and where it is
        is_whole: the area is the whole layer, so painting beside it changes what it should be
    """
    if then.bounds is None or now.bounds is None:
        return area if then.canvas == now.canvas else None
    was, is_now = then.bounds, now.bounds
    if (was.width, was.height) == (is_now.width, is_now.height):
        return _shifted(area, is_now.x - was.x, is_now.y - was.y)
    shift = now.position[0] - then.position[0], now.position[1] - then.position[1]
    was_painted_on = then.canvas == now.canvas and _contains(is_now, _shifted(was, *shift))
    return _shifted(area, *shift) if was_painted_on and not is_whole else None


def factor_text(source: Rect, width: int, height: int) -> str:
    """Say how much larger a result is, as in ``4x`` or ``2.5x``; by its longer side."""
    by = max(width / source.width, height / source.height)
    return f"{by:.2f}".rstrip("0").rstrip(".") + "x"


def _shifted(area: Rect, x: int, y: int) -> Rect:
    return Rect(area.x + x, area.y + y, area.width, area.height)


def _contains(outer: Rect, inner: Rect) -> bool:
    return _union(outer, inner) == outer


def _union(one: Rect, other: Rect) -> Rect:
    left, top = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Rect(left, top, right - left, bottom - top)


def _rounded(value: float) -> int:
    """Round half up on both sides of 0, so that a shift by whole pixels stays one."""
    return int((value + 0.5) // 1)


def _at_least_1(value: float) -> int:
    return max(1, _rounded(value))
