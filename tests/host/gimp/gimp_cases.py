"""The precisions, models and profiles that are tested."""

from __future__ import annotations

from dataclasses import dataclass

DEPTHS = {"U8": "u8", "U16": "u16", "U32": "u32", "HALF": "f16", "FLOAT": "f32", "DOUBLE": "f64"}
CURVES = ("LINEAR", "NON_LINEAR", "PERCEPTUAL")
DTYPES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "f16": "<f2", "f32": "<f4", "f64": "<f8"}


@dataclass(frozen=True)
class Case:
    """An image.

    Attributes:
        depth: as GIMP's precisions begin
        curve: as they end
        base: ``RGB`` or ``GRAY``
        alpha: whether the layer has an alpha channel
        wide: whether the image has another profile than GIMP's own
    """

    depth: str
    curve: str
    base: str = "RGB"
    alpha: bool = True
    wide: bool = False

    @property
    def name(self) -> str:
        words = [self.base, self.depth, self.curve]
        words += ["alpha"] * self.alpha + ["wide"] * self.wide
        return "-".join(words).lower()

    @property
    def precision(self) -> str:
        return f"{self.depth}_{self.curve}"


CASES = (
    *(Case(depth, curve) for depth in DEPTHS for curve in CURVES),
    Case("U8", "NON_LINEAR", alpha=False),
    Case("FLOAT", "LINEAR", alpha=False),
    Case("U8", "NON_LINEAR", "GRAY"),
    Case("U8", "NON_LINEAR", "GRAY", alpha=False),
    Case("U16", "LINEAR", "GRAY", alpha=False),
    Case("HALF", "PERCEPTUAL", "GRAY"),
    Case("DOUBLE", "LINEAR", "GRAY"),
    Case("U8", "NON_LINEAR", wide=True),
    Case("U16", "LINEAR", wide=True),
    Case("U32", "PERCEPTUAL", wide=True, alpha=False),
    Case("HALF", "NON_LINEAR", wide=True),
    Case("FLOAT", "LINEAR", wide=True),
    Case("U16", "NON_LINEAR", "GRAY", wide=True),
    Case("FLOAT", "LINEAR", "GRAY", wide=True),
)
