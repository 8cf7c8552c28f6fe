"""A picture in the dialog: raw samples of any colour model and depth, decoded for the screen.

The screen gets 8 bits, premultiplied, and halved levels: painting a large picture small reads a
level that is hardly larger than what is painted, so panning costs what the window's pixels cost.
Decoding goes band by band, so that no step blocks other threads for long. Qt turns profiles into
sRGB; one that it cannot read is left out, since the picture is only looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QColorSpace, QImage

from scalediff_engine.client import pixels
from scalediff_engine.client.pixels import PixelHeader

Pixels8 = NDArray[np.uint8]

# Numpy lets other threads work meanwhile, but only between its operations.
_BAND_PIXELS = 1 << 18
# Small enough to be painted at any zoom in no time.
_SMALLEST_SIDE = 256


class NotWanted(Exception):
    """The request was cancelled."""


def always() -> bool:
    """Say that it is still wanted."""
    return True


@dataclass(frozen=True)
class Raster:
    """A picture at several sizes.

    Attributes:
        arrays: each (h, w, 4) uint8, blue, green, red, alpha; each half of the one before
        has_alpha: whether anything may be transparent
        images: the same memory, for painting
    """

    arrays: tuple[Pixels8, ...]
    has_alpha: bool
    images: tuple[QImage, ...] = field(init=False)

    def __post_init__(self) -> None:
        images = tuple(as_image(array, has_alpha=self.has_alpha) for array in self.arrays)
        object.__setattr__(self, "images", images)

    @property
    def width(self) -> int:
        """In pixels."""
        return self.arrays[0].shape[1]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.arrays[0].shape[0]

    def level_for(self, zoom: float) -> int:
        """Give the smallest level that has at least ``zoom`` pixels for each of the picture's."""
        level = 0
        while level + 1 < len(self.arrays) and zoom * 2 ** (level + 1) <= 1.0:
            level += 1
        return level


def as_image(pixels: Pixels8, *, has_alpha: bool) -> QImage:
    """Give an image over the same memory, which must outlive it."""
    height, width, _ = pixels.shape
    form = QImage.Format.Format_ARGB32_Premultiplied if has_alpha else QImage.Format.Format_RGB32
    return QImage(pixels.data, width, height, pixels.strides[0], form)


def from_image(image: QImage) -> Raster:
    """Give the raster of a small picture that Qt has decoded."""
    has_alpha = image.hasAlphaChannel()
    form = QImage.Format.Format_ARGB32_Premultiplied if has_alpha else QImage.Format.Format_RGB32
    return build(pixels_of(image.convertToFormat(form)), has_alpha=has_alpha)


def pixels_of(image: QImage) -> Pixels8:
    """Copy the pixels of a 32-bit image: (h, w, 4)."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).copy()


def build(pixels: Pixels8, *, has_alpha: bool, is_wanted: Callable[[], bool] = always) -> Raster:
    """Make all levels of a picture; for a thread.

    Args:
        pixels: (h, w, 4) blue, green, red, alpha; premultiplied
        has_alpha: whether anything may be transparent
        is_wanted: asked now and then

    Raises:
        NotWanted: it is not.
    """
    arrays = [np.ascontiguousarray(pixels)]
    while max(arrays[-1].shape[:2]) > _SMALLEST_SIDE:
        arrays.append(_halved(arrays[-1], is_wanted))
    return Raster(tuple(arrays), has_alpha)


def _halved(pixels: Pixels8, is_wanted: Callable[[], bool]) -> Pixels8:
    """Average squares of four; an odd edge stands for itself."""
    height, width, _ = pixels.shape
    result = np.empty(((height + 1) // 2, (width + 1) // 2, 4), np.uint8)
    rows = max(1, _BAND_PIXELS // max(1, 2 * width))
    for top in range(0, result.shape[0], rows):
        if not is_wanted():
            raise NotWanted
        band = pixels[2 * top : 2 * (top + rows)]
        upper, lower = band[0::2], band[1::2]
        if len(lower) < len(upper):
            lower = np.concatenate([lower, upper[-1:]])
        sums = np.add(upper, lower, dtype=np.uint16)
        left, right = sums[:, 0::2], sums[:, 1::2]
        if right.shape[1] < left.shape[1]:
            right = np.concatenate([right, left[:, -1:]], axis=1)
        total = np.add(left, right)
        total += 2
        total >>= 2
        result[top : top + rows] = total
    return result


_DECODED_PIXELS = 1 << 17
_DTYPES = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "f16": "<f2", "f32": "<f4", "f64": "<f8"}
_FORMATS = {
    ("none", 1): QImage.Format.Format_RGBX8888,
    ("straight", 1): QImage.Format.Format_RGBA8888,
    ("premultiplied", 1): QImage.Format.Format_RGBA8888_Premultiplied,
    ("none", 2): QImage.Format.Format_RGBX64,
    ("straight", 2): QImage.Format.Format_RGBA64,
    ("premultiplied", 2): QImage.Format.Format_RGBA64_Premultiplied,
}


def to_raster(
    header: PixelHeader,
    icc: bytes,
    samples: NDArray[np.uint8],
    is_wanted: Callable[[], bool] = always,
) -> Raster:
    """Give what the screen shows; for a thread.

    Args:
        header: what the samples are
        icc: their profile; empty = sRGB
        samples: their bytes, in one row
        is_wanted: asked now and then

    Raises:
        NotWanted: it is not.
    """
    shape = (header.height, header.width, header.channels)
    picture = samples.view(_DTYPES[header.depth]).reshape(shape)
    has_alpha = header.alpha != "none" and header.model != "cmyk"
    space = QColorSpace.fromIccProfile(QByteArray(icc)) if icc else QColorSpace()
    result = np.empty((header.height, header.width, 4), np.uint8)
    rows = max(1, _DECODED_PIXELS // header.width)
    for top in range(0, header.height, rows):
        if not is_wanted():
            raise NotWanted
        band = picture[top : top + rows]
        shown = _shown(_band_image(band, header), space, has_alpha=has_alpha)
        result[top : top + rows] = pixels_of(shown)
    return build(result, has_alpha=has_alpha, is_wanted=is_wanted)


def _band_image(band: NDArray[np.generic], header: PixelHeader) -> QImage:
    """Give a band as an image of Qt's own memory."""
    height, width, _ = band.shape
    samples = _narrowed(band)
    if header.model == "cmyk":
        inks = np.ascontiguousarray(_to_8_bits(samples[..., :4]))
        return QImage(inks.data, width, height, 4 * width, QImage.Format.Format_CMYK8888).copy()
    size = samples.itemsize
    if header.model == "grey" and header.alpha == "none":
        form = QImage.Format.Format_Grayscale8 if size == 1 else QImage.Format.Format_Grayscale16
        grey = np.ascontiguousarray(samples)
        return QImage(grey.data, width, height, size * width, form).copy()
    pixels = np.full((height, width, 4), np.iinfo(samples.dtype).max, samples.dtype)
    if header.model == "grey":
        pixels[..., :3] = samples[..., :1]
    else:
        pixels[..., :3] = samples[..., 2::-1] if header.order == "bgr" else samples[..., :3]
    if header.alpha != "none":
        pixels[..., 3] = samples[..., -1]
    form = _FORMATS[header.alpha, size]
    return QImage(pixels.data, width, height, 4 * size * width, form).copy()


def _narrowed(band: NDArray[np.generic]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Give 8 bits as they are, and everything deeper with 16."""
    if band.dtype == np.uint8:
        return band.view(np.uint8)
    if band.dtype == np.uint16:
        return band.view(np.uint16)
    if band.dtype.kind == "u":
        return (band.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    clean = np.nan_to_num(band.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return (np.clip(clean, 0.0, 1.0) * 65535 + 0.5).astype(np.uint16)


def _to_8_bits(samples: NDArray[np.uint8] | NDArray[np.uint16]) -> Pixels8:
    if samples.dtype == np.uint8:
        return samples.view(np.uint8)
    return (samples >> 8).astype(np.uint8)


def _shown(image: QImage, space: QColorSpace, *, has_alpha: bool) -> QImage:
    form = QImage.Format.Format_ARGB32_Premultiplied if has_alpha else QImage.Format.Format_RGB32
    if space.isValid():
        image.setColorSpace(space)
        if image.colorSpace() == space:
            srgb = QColorSpace(QColorSpace.NamedColorSpace.SRgb)
            turned = image.convertedToColorSpace(srgb, form)
            if not turned.isNull():
                return turned
    return image.convertToFormat(form)


@dataclass(frozen=True)
class Picture:
    """Samples, and what is seen.

    Attributes:
        header: what the samples are
        icc: their profile; empty = sRGB
        samples: their bytes in one row, in memory or in a file that is mapped
        raster: what the screen shows
    """

    header: PixelHeader
    icc: bytes
    samples: NDArray[np.uint8]
    raster: Raster

    @property
    def width(self) -> int:
        """In pixels."""
        return self.header.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self.header.height


def make_picture(
    header: PixelHeader,
    icc: bytes,
    samples: NDArray[np.uint8],
    is_wanted: Callable[[], bool] = always,
) -> Picture:
    """Decode samples for the screen; for a thread.

    Raises:
        NotWanted: it is not wanted any more.
    """
    return Picture(header, icc, samples, to_raster(header, icc, samples, is_wanted))


def read_mapped(file: Path, is_wanted: Callable[[], bool] = always) -> Picture:
    """Read a file in the form of ``client.pixels``; its samples stay in the file.

    Raises:
        OSError: it cannot be read.
        codec.Malformed: it holds no pixels.
        NotWanted: it is not wanted any more.
    """
    with file.open("rb") as opened:
        length = pixels.header_length(opened.read(pixels.PREFIX_BYTES))
        header = pixels.read_header(opened.read(length))
        icc = opened.read(header.icc_bytes)
        start = opened.tell()
    samples = np.memmap(file, np.uint8, "r", start, (header.sample_bytes,))
    return make_picture(header, icc, samples, is_wanted)


def to_file(file: Path, header: PixelHeader, icc: bytes, samples: NDArray[np.uint8]) -> None:
    """Write a file that ``read_mapped`` reads.

    Raises:
        OSError: it cannot be written.
    """
    with file.open("wb") as opened:
        opened.write(pixels.to_prefix(header, icc))
        opened.write(samples.data)
