"""A picture in memory: float pixels in the colour space of its file, and all that goes back out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.base.geometry import Size

Pixels = NDArray[np.float32]


class Depth(Enum):
    """How the file stores one sample."""

    U8 = "u8"
    U16 = "u16"
    F16 = "f16"
    F32 = "f32"

    @property
    def is_float(self) -> bool:
        """Whether samples are floating point, so that values outside 0..1 are kept."""
        return self in (Depth.F16, Depth.F32)


class ColourModel(Enum):
    """What the channels of ``Picture.pixels`` mean; the value is their number."""

    GREY = 1
    RGB = 3
    CMYK = 4


class Text(NamedTuple):
    """A text in a file, such as a PNG's Copyright or a JPEG's comment (keyword "Comment").

    Attributes:
        keyword: what it is, in Latin-1
        text: of any length
        language, translated: a language tag and the keyword in that language
    """

    keyword: str
    text: str
    language: str = ""
    translated: str = ""


class ColourChunk(NamedTuple):
    """A PNG chunk that says in which colours the samples are: gAMA, cHRM, sRGB, cICP, ..."""

    name: bytes
    body: bytes


@dataclass(frozen=True)
class Metadata:
    r"""What a file says about its picture besides pixels.

    Attributes:
        exif: a TIFF-structured block without any "Exif\0\0" prefix, its orientation already
            applied and set to 1
        xmp: an XMP packet
        dpi: horizontal, vertical
        texts: in the order of the file
        iptc: an IPTC-IIM record of a JPEG
        colour_chunks: of a PNG
        is_lossy: a WebP that was compressed with loss, as its result then is too
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    texts: tuple[Text, ...] = ()
    iptc: bytes | None = None
    colour_chunks: tuple[ColourChunk, ...] = ()
    is_lossy: bool = False

    def stripped(self) -> Metadata:
        """Only what pixels and their colours need; nothing of who, where and with what."""
        return Metadata(colour_chunks=self.colour_chunks, is_lossy=self.is_lossy)


@dataclass(frozen=True)
class Picture:
    """Pixels as floats, still in the file's own colour space.

    Attributes:
        pixels: (H, W, C) encoded values, 0..1 for integer files (floats may exceed it);
            C = 1 grey, 3 RGB, 4 CMYK (1 = full ink)
        alpha: (H, W) 0..1, straight (colours are not multiplied by it), or None
        depth: how the file stored a sample, and how the result will
        icc: the embedded colour profile, or None for sRGB (grey: its tone curve)
        metadata: EXIF, XMP, resolution
    """

    pixels: Pixels
    alpha: Pixels | None = None
    depth: Depth = Depth.U8
    icc: bytes | None = None
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.pixels.shape[1], self.pixels.shape[0])

    @property
    def model(self) -> ColourModel:
        """What the channels mean."""
        return ColourModel(self.pixels.shape[2])

    def stripped(self) -> Picture:
        """Return the picture without metadata; what tells how to show its pixels stays."""
        return replace(self, metadata=self.metadata.stripped())
