"""What a picture's file says about itself, and what reading it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

from scalediff_engine.base.errors import PictureTooLarge, UnreadablePicture
from scalediff_engine.base.geometry import Size
from scalediff_engine.images.exif import Orientation
from scalediff_engine.images.picture import ColourModel, Depth, Picture


class UnsupportedFormat(ValueError):
    """A sound file of a kind that is not read; the words name it: "a HEIC picture"."""


@dataclass(frozen=True)
class Probe:
    """What the header says; no pixel was decoded for it.

    Attributes:
        size: as the picture is meant to be seen, orientation applied
        depth: how the picture will be held, and how its result will be written
        model: grey, RGB or CMYK (palettes count as RGB)
        has_alpha: whether there is transparency
        format_name: upper-case, such as "PNG"
        orientation: what reading will undo
        icc: the embedded colour profile
        dpi: horizontal, vertical
        xmp: the XMP packet, which may hold a recipe
        notes: a sentence for each thing in the file that the picture will not hold
    """

    size: Size
    depth: Depth
    model: ColourModel
    has_alpha: bool
    format_name: str
    orientation: Orientation = Orientation.UPRIGHT
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A picture, its file's format and a sentence for each thing that it left behind."""

    picture: Picture
    format_name: str
    notes: tuple[str, ...] = ()


def require_area(size: Size, max_pixels: int, name: object) -> None:
    """Pass if ``size`` is not empty and within the limit; call it before decoding.

    Raises:
        UnreadablePicture: no pixels.
        PictureTooLarge: more than ``max_pixels``.
    """
    if min(size) < 1:
        raise UnreadablePicture(f"{name} has no pixels: its header says {size}.")
    if size.area > max_pixels:
        raise PictureTooLarge(
            f"{name} is {size}, {size.area / 1e6:.0f} million pixels; "
            f"the limit is {max_pixels / 1e6:g} million."
        )


def shown(size: Size, orientation: Orientation) -> Size:
    """``size`` of the stored rows and columns as it is after applying ``orientation``."""
    return Size(size.height, size.width) if orientation.swaps_sides else size
