"""Where the loupe is held; without Qt.

A frame is told in pixels of the source, so that it stays where it is when the result becomes
larger; the engine is asked for pixels of the result.
"""

from __future__ import annotations

from dataclasses import dataclass

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Window

# As the engine has it.
MAX_SIDE_PX = 2048
MIN_SIDE_PX = 32
# What a first frame has, in pixels of the result.
FIRST_SIDE_PX = 512
STEP = 1.25


@dataclass(frozen=True)
class Frame:
    """A part of the source.

    Attributes:
        left, top, width, height: in pixels of the source
    """

    left: float
    top: float
    width: float
    height: float

    def window(self, source: Size, result: Size) -> Window:
        """Give it in whole pixels of the result, inside of it and no larger than may be."""
        x, width = _along(self.left, self.width, source.width, result.width)
        y, height = _along(self.top, self.height, source.height, result.height)
        return Window(x, y, width, height)

    def moved(self, right: float, down: float, source: Size) -> Frame:
        """Move it by so many pixels of the source, as far as the picture goes."""
        return Frame(
            min(max(0.0, self.left + right), max(0.0, source.width - self.width)),
            min(max(0.0, self.top + down), max(0.0, source.height - self.height)),
            self.width,
            self.height,
        )

    def resized(self, steps: int, source: Size) -> Frame:
        """Make it larger or smaller around its middle."""
        width = min(self.width * STEP**steps, float(source.width))
        height = min(self.height * STEP**steps, float(source.height))
        middle = self.left + self.width / 2, self.top + self.height / 2
        return Frame(middle[0] - width / 2, middle[1] - height / 2, width, height).moved(
            0, 0, source
        )

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a place is in it."""
        in_width = self.left <= x < self.left + self.width
        return in_width and self.top <= y < self.top + self.height


def first_frame(x: float, y: float, source: Size, result: Size) -> Frame:
    """Give a frame around a place of the source, of the usual size."""
    width = min(FIRST_SIDE_PX * source.width / result.width, float(source.width))
    height = min(FIRST_SIDE_PX * source.height / result.height, float(source.height))
    return Frame(x - width / 2, y - height / 2, width, height).moved(0, 0, source)


def dragged(x0: float, y0: float, x1: float, y1: float, source: Size) -> Frame:
    """Give the frame between two corners, as far as the picture goes."""
    xs = sorted(min(max(0.0, x), float(source.width)) for x in (x0, x1))
    ys = sorted(min(max(0.0, y), float(source.height)) for y in (y0, y1))
    return Frame(xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0])


def frame_of(window: Window, source: Size, result: Size) -> Frame:
    """Give where a window of a result is in the source."""
    across, down = source.width / result.width, source.height / result.height
    return Frame(window.x * across, window.y * down, window.width * across, window.height * down)


def _along(start: float, length: float, source: int, result: int) -> tuple[int, int]:
    """Start and length along one axis, in pixels of the result."""
    scale = result / source
    side = min(max(round(length * scale), min(MIN_SIDE_PX, result)), MAX_SIDE_PX, result)
    middle = (start + length / 2) * scale
    return min(max(0, round(middle - side / 2)), result - side), side
