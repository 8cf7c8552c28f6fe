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


def factor_text(source: Rect, width: int, height: int) -> str:
    """Say how much larger a result is, as in ``4x`` or ``2.5x``; by its longer side."""
    by = max(width / source.width, height / source.height)
    return f"{by:.2f}".rstrip("0").rstrip(".") + "x"


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
