"""What the view shows, as a value: which pictures, how they are compared, and which part of them.

Coordinates: *picture* = pixels of the largest picture (the result); *device* = pixels of the
screen within the view. At 100 % and more both have their edges in the same places. No Qt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


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


MAX_ZOOM = 32.0
MIN_ZOOM = 0.01
STEP = 2**0.5
_ROUND = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class Viewport:
    """How a picture lies in a view.

    Attributes:
        width, height: of the picture
        view_width, view_height: of the view, in device pixels
        zoom: device pixels for each of the picture; 0 = so that all of it is seen
        x, y: what is in the view's middle, in pixels of the picture
    """

    width: int
    height: int
    view_width: int
    view_height: int
    zoom: float = 0.0
    x: float = 0.0
    y: float = 0.0

    @property
    def is_fitted(self) -> bool:
        """Whether all of the picture is seen, whatever the view's size."""
        return self.zoom == 0.0

    @property
    def scale(self) -> float:
        """Device pixels for each of the picture."""
        return self.fitting if self.is_fitted else self.zoom

    @property
    def fitting(self) -> float:
        """The zoom at which all of the picture is seen; small pictures are not blown up far."""
        if not (self.view_width and self.view_height):
            return 1.0
        fitting = min(self.view_width / self.width, self.view_height / self.height)
        if fitting >= 1.0:  # whole pixels
            return float(min(int(fitting), 8))
        return max(fitting, MIN_ZOOM)

    @property
    def left(self) -> float:
        """Where the picture's left edge is, in device pixels; whole, so that nothing blurs."""
        return self._edge(self.width, self.view_width, self.x)

    @property
    def top(self) -> float:
        """Where the picture's upper edge is, in device pixels."""
        return self._edge(self.height, self.view_height, self.y)

    def _edge(self, length: int, view: int, middle: float) -> float:
        if length * self.scale <= view or self.is_fitted:
            return float(round((view - length * self.scale) / 2))
        return float(round(view / 2 - middle * self.scale))

    def to_picture(self, device_x: float, device_y: float) -> tuple[float, float]:
        """Give the place in the picture that is seen at a place in the view."""
        return (device_x - self.left) / self.scale, (device_y - self.top) / self.scale

    def resized(self, view_width: int, view_height: int) -> Viewport:
        """Give it in a view of another size; what is in the middle stays there."""
        return replace(self, view_width=view_width, view_height=view_height).clamped()

    def showing(self, width: int, height: int) -> Viewport:
        """Give it for a picture of another size; the same part is seen at the same size."""
        ratio = width / self.width
        zoom = 0.0 if self.is_fitted else min(MAX_ZOOM, max(MIN_ZOOM, self.zoom / ratio))
        return replace(
            self, width=width, height=height, zoom=zoom, x=self.x * ratio, y=self.y * ratio
        ).clamped()

    def panned(self, device_x: float, device_y: float) -> Viewport:
        """Move the picture by so much; all of it seen, nothing moves."""
        if self.is_fitted:
            return self
        moved = replace(self, x=self.x - device_x / self.scale, y=self.y - device_y / self.scale)
        return moved.clamped()

    def zoomed(self, zoom: float, device_x: float, device_y: float) -> Viewport:
        """Zoom; what is seen at this place of the view stays there."""
        zoom = min(MAX_ZOOM, max(min(MIN_ZOOM, self.fitting), zoom))
        x, y = self.to_picture(device_x, device_y)
        return replace(
            self,
            zoom=zoom,
            x=x + (self.view_width / 2 - device_x) / zoom,
            y=y + (self.view_height / 2 - device_y) / zoom,
        ).clamped()

    def stepped(self, steps: float, device_x: float, device_y: float) -> Viewport:
        """Zoom in or out by some steps, staying for one at sizes where pixels are whole."""
        before, after = self.scale, self.scale * STEP**steps
        for whole in _ROUND:
            is_passed = min(before, after) < whole * 0.99 and max(before, after) > whole * 1.01
            if is_passed or abs(after / whole - 1) < 0.01:
                after = whole
                break
        if after <= self.fitting and steps < 0:
            return self.fitted()
        return self.zoomed(after, device_x, device_y)

    def fitted(self) -> Viewport:
        """Show all of it."""
        return replace(self, zoom=0.0, x=self.width / 2, y=self.height / 2)

    def clamped(self) -> Viewport:
        """Keep the picture in the view."""
        return replace(
            self,
            x=self._middle(self.x, self.width, self.view_width),
            y=self._middle(self.y, self.height, self.view_height),
        )

    def _middle(self, middle: float, length: int, view: int) -> float:
        half = view / 2 / self.scale
        if length <= 2 * half:
            return length / 2
        return min(length - half, max(half, middle))
