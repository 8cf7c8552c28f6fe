"""A picture in memory: float pixels in its file's colour space, to and from samples of files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

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


_DITHER_SEED = 20251018
_ROWS_AT_ONCE = 256
_F16_MAX = 65504.0
_SMALL_RANGE = 1 / 16  # of a type's values


def to_float(samples: NDArray[Any], bits: int | None = None) -> tuple[Pixels, Depth]:
    """Scale stored samples to floats and say which depth holds all of their information.

    Args:
        samples: any shape; bool, integers or floats
        bits: bits in use, for integers that fill their type only in part (12-bit in uint16)

    Returns:
        float32 of the same shape - unsigned integers 0..1, signed ones shifted so that their
        lowest value is 0, floats as they are - and the depth

    Raises:
        ValueError: complex numbers or another type without an order.
    """
    dtype = samples.dtype
    if dtype.kind == "b":
        return samples.astype(np.float32), Depth.U8
    if dtype.kind == "f":
        depth = Depth.F16 if dtype.itemsize == 2 else Depth.F32
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite
            return samples.astype(np.float32), depth
    if dtype.kind not in "ui":
        raise ValueError(f"samples of type {dtype} are not numbers that a picture can hold")
    bits = min(bits or dtype.itemsize * 8, dtype.itemsize * 8)
    depth = Depth.U8 if bits <= 8 else Depth.U16 if bits <= 16 else Depth.F32
    lowest = -(2 ** (bits - 1)) if dtype.kind == "i" else 0
    if bits <= 16:
        floats = samples.astype(np.float32)
        floats -= np.float32(lowest)
        floats /= np.float32(2**bits - 1)
        return floats, depth
    wide = samples.astype(np.float64)
    return ((wide - lowest) / (2**bits - 1)).astype(np.float32), depth


def converted(samples: NDArray[Any], bits: int) -> tuple[Pixels, Depth, tuple[str, ...]]:
    """Scale stored samples as :func:`to_float` does, and say what becomes of types not written.

    Integers that are signed or wider than 16 bits usually hold measurements: where these take up
    only a small part of the type's range, they are stretched to 0..1 instead of read as flat grey.

    Args:
        samples: any shape; integers or floats
        bits: bits in use, for integers that fill their type only in part

    Returns:
        floats, depth, and a sentence for each conversion that the result does not undo
    """
    kind, type_bits = samples.dtype.kind, samples.dtype.itemsize * 8
    if kind == "f" and type_bits > 32:
        pixels, depth = to_float(samples)
        return pixels, depth, (f"Its {type_bits}-bit floats became 32-bit floats.",)
    if kind not in "iu" or not samples.size or (kind == "u" and type_bits <= 16):
        return *to_float(samples, bits), ()
    least, most = int(samples.min()), int(samples.max())
    lowest = -(2 ** (bits - 1)) if kind == "i" else 0
    pixels, depth = to_float(samples, bits)
    if 0 < most - least < 2**bits * _SMALL_RANGE:
        lowest, span = least, most - least
        pixels = ((samples.astype(np.float64) - least) / span).astype(np.float32)
    else:
        span = 2**bits - 1
    name = "signed integers" if kind == "i" else "integers"
    stored = "32-bit floats" if depth.is_float else f"{8 if depth is Depth.U8 else 16}-bit integers"
    return (
        pixels,
        depth,
        (
            f"Its {bits}-bit {name} ({least} to {most}) became {stored}: "
            f"black is {lowest}, white {lowest + span}.",
        ),
    )


def from_float(pixels: Pixels, depth: Depth) -> NDArray[Any]:
    """Round floats to stored samples; what :func:`to_float` gave comes back bit for bit.

    Args:
        pixels: any shape; 0..1 for the integer depths (clipped to it), any value for floats
            (float16: clipped to +-65504)
        depth: of the samples

    Returns:
        uint8, uint16, float16 or float32 of the same shape
    """
    if depth is Depth.F32:
        return pixels.astype(np.float32, copy=False)
    if depth is Depth.F16:
        return np.clip(pixels, -_F16_MAX, _F16_MAX).astype(np.float16)
    top, dtype = (255, np.uint8) if depth is Depth.U8 else (65535, np.uint16)
    samples = np.empty(pixels.shape, dtype)
    for start in range(0, len(pixels), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        samples[rows] = np.rint(np.clip(np.nan_to_num(pixels[rows]), 0.0, 1.0) * top)
    return samples


def dithered_u8(pixels: Pixels) -> NDArray[np.uint8]:
    """Round floats to 8 bits with noise instead of bands.

    Triangular noise of +-1 step is added before rounding, so that the mean of every shade is
    exact and the error is independent of it (Lipshitz, Wannamaker, Vanderkooy 1992). The noise has
    a fixed seed: the same pixels give the same bytes. Values that 8 bits hold exactly stay as they
    are, so black stays black, white white, and flat areas flat.

    Args:
        pixels: (H, W, ...) 0..1 (clipped to it)

    Returns:
        uint8 of the same shape
    """
    noise = np.random.default_rng(_DITHER_SEED)
    samples = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        steps = np.clip(np.nan_to_num(pixels[rows]), 0.0, 1.0) * np.float32(255.0)
        nearest = np.rint(steps)
        exact = np.abs(steps - nearest) < 1e-4
        triangle = noise.random(steps.shape, np.float32) - noise.random(steps.shape, np.float32)
        samples[rows] = np.where(exact, nearest, np.clip(np.rint(steps + triangle), 0, 255))
    return samples
