"""How large the result is to be: a scale, pixels, or millimetres on paper."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from scalediff_engine.base.geometry import Size

MIN_SCALE = 1.0
MAX_SCALE = 32.0
MIN_PPI = 10.0
MAX_PPI = 4800.0
_MM_PER_INCH = 25.4


class Unit(Enum):
    """What the user says it in."""

    SCALE = "scale"
    PIXELS = "pixels"
    MILLIMETRES = "millimetres"


@dataclass(frozen=True)
class Extent:
    """What the user said; the other side follows from the picture's shape.

    Attributes:
        unit: which of the others holds
        scale: how much larger
        width_px: of the result
        width_mm: of the result, printed
        ppi: pixels per inch of the print
    """

    unit: Unit = Unit.SCALE
    scale: float = 4.0
    width_px: int = 0
    width_mm: float = 0.0
    ppi: float = 300.0

    def result(self, source: Size) -> Size:
        """Give the size of the result, within what is possible."""
        if self.unit is Unit.SCALE:
            scale = min(MAX_SCALE, max(MIN_SCALE, self.scale))
            return source.scaled(scale)
        width = self.width_px if self.unit is Unit.PIXELS else to_px(self.width_mm, self.ppi)
        width = min(round(source.width * MAX_SCALE), max(source.width, width))
        return Size(width, max(source.height, round(source.height * width / source.width)))

    def scale_of(self, source: Size) -> float:
        """Tell how much larger the result is."""
        if self.unit is Unit.SCALE:
            return min(MAX_SCALE, max(MIN_SCALE, self.scale))
        return self.result(source).width / source.width

    def told_in(self, unit: Unit, source: Size) -> Extent:
        """Say the same in another unit."""
        size = self.result(source)
        return replace(
            self,
            unit=unit,
            scale=round(self.scale_of(source), 4),
            width_px=size.width,
            width_mm=to_mm(size.width, self.ppi),
        )

    def with_height_px(self, height_px: int, source: Size) -> Extent:
        """Say it by its height in pixels."""
        return replace(self, width_px=round(source.width * height_px / source.height))

    def with_height_mm(self, height_mm: float, source: Size) -> Extent:
        """Say it by its height on paper."""
        return replace(self, width_mm=source.width * height_mm / source.height)


def to_px(length_mm: float, ppi: float) -> int:
    """Turn millimetres into pixels."""
    return round(length_mm / _MM_PER_INCH * ppi)


def to_mm(length_px: int, ppi: float) -> float:
    """Turn pixels into millimetres."""
    return length_px / ppi * _MM_PER_INCH
