"""Sizes, grids and scale arithmetic: small values with their unit in the name."""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """Pixels in all."""
        return self.width * self.height

    def scaled(self, factor: float) -> Size:
        """This size times ``factor``, rounded to whole pixels, at least 1x1."""
        return Size(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    @staticmethod
    def of_both(multiple: int | Size) -> Size:
        """What is said of both axes at once, or of each."""
        return multiple if isinstance(multiple, Size) else Size(multiple, multiple)

    def padded(self, multiple: int | Size) -> Size:
        """This size rounded up to a multiple per side."""
        across, down = Size.of_both(multiple)
        return Size(-(-self.width // across) * across, -(-self.height // down) * down)

    def grid(self, factor: int) -> Grid:
        """The latent grid that covers this size; ``factor`` pixels to a latent per side."""
        return Grid(-(-self.height // factor), -(-self.width // factor))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Box(NamedTuple):
    """A part of a picture or a grid, in its cells; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @staticmethod
    def of(size: Size) -> Box:
        """All of a picture."""
        return Box(0, 0, size.width, size.height)

    @property
    def size(self) -> Size:
        """How large it is."""
        return Size(self.right - self.left, self.bottom - self.top)

    def seen_from(self, other: Box) -> Box:
        """The same part, counted from the top left of ``other``."""
        left, top = other.left, other.top
        return Box(self.left - left, self.top - top, self.right - left, self.bottom - top)

    def shifted(self, cells: int, rows: int) -> Box:
        """The same size, so many cells to the right and rows down."""
        left, top, right, bottom = self
        return Box(left + cells, top + rows, right + cells, bottom + rows)

    def divided(self, factor: int) -> Box:
        """The same part in cells of ``factor`` per side, of which it has whole ones only."""
        return Box(*(side // factor for side in self))

    def grown(self, cells: int) -> Box:
        """This part and so many cells around it."""
        left, top, right, bottom = self
        return Box(left - cells, top - cells, right + cells, bottom + cells)

    def within(self, size: Size) -> Box:
        """What of it lies in a picture of this size."""
        left, top, right, bottom = self
        return Box(max(left, 0), max(top, 0), min(right, size.width), min(bottom, size.height))

    def with_box(self, other: Box) -> Box:
        """The smallest part that has both in it."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.size}"


# As much more area than the native one is no reason to cut a picture up.
_ABOUT = 1.125


class Grid(NamedTuple):
    """Rows and columns of latents or tokens."""

    rows: int
    cols: int

    @property
    def cells(self) -> int:
        """Cells in all."""
        return self.rows * self.cols

    def halved(self, times: int) -> Grid:
        """What a stride-2 convolution leaves of this grid after ``times`` applications."""
        rows, cols = self
        for _ in range(times):
            rows, cols = -(-rows // 2), -(-cols // 2)
        return Grid(rows, cols)

    def fits_in(self, other: Grid) -> bool:
        """Whether this grid is no larger than ``other`` on both sides."""
        return self.rows <= other.rows and self.cols <= other.cols

    def is_native(self, native: Grid) -> bool:
        """Whether a model that was trained at ``native`` sees this grid as it is.

        Other proportions of about the same area are what models are trained with too.
        """
        return self.cells <= native.cells * _ABOUT


class Offset(NamedTuple):
    """A shift in rows and columns of a grid."""

    row: int
    col: int
