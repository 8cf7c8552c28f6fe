"""What the view shows, as a value: which pictures, beside or over each other, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scalediff_engine.ui.compare.viewport import Viewport


class Mode(Enum):
    """How two pictures are compared."""

    SPLIT = "split"
    BLINK = "blink"
    SIDE_BY_SIDE = "side by side"


class Side(Enum):
    """Which of the two."""

    SOURCE = "source"
    RESULT = "result"


@dataclass(frozen=True)
class Part:
    """A piece of the view that shows one picture.

    Attributes:
        side: which picture
        left, width: of the piece, in device pixels
        offset: how far its viewport begins from the view's left edge
    """

    side: Side
    left: float
    width: float
    offset: float = 0.0


def parts(
    mode: Mode, viewport: Viewport, split: float, shown: Side, *, has_result: bool
) -> tuple[Part, ...]:
    """Divide the view between the pictures.

    Args:
        mode: how they are compared
        viewport: of one piece
        split: where the line is, 0 to 1 of the view's width
        shown: which one a blink shows at the moment
        has_result: without one, there is nothing to compare
    """
    width = float(viewport.view_width)
    if not has_result:
        return (Part(Side.SOURCE, 0.0, width),)
    if mode is Mode.SIDE_BY_SIDE:
        return (
            Part(Side.SOURCE, 0.0, width),
            Part(Side.RESULT, width, width, width),
        )
    if mode is Mode.BLINK:
        return (Part(shown, 0.0, width),)
    line = float(round(split * width))
    return (Part(Side.SOURCE, 0.0, line), Part(Side.RESULT, line, width - line))
