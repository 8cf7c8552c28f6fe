"""Raw samples of the wire, in whatever model and depth, as pixels for the screen.

Band by band, so that no step keeps other threads waiting for long. Profiles are turned into sRGB
by Qt; one that it does not understand is left out, as the picture is only looked at.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QColorSpace, QImage

from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.ui import raster
from scalediff_engine.ui.raster import NotWanted, Pixels8, Raster, always

_BAND_PIXELS = 1 << 17
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
    rows = max(1, _BAND_PIXELS // header.width)
    for top in range(0, header.height, rows):
        if not is_wanted():
            raise NotWanted
        band = picture[top : top + rows]
        shown = _shown(_band_image(band, header), space, has_alpha=has_alpha)
        result[top : top + rows] = raster.pixels_of(shown)
    return raster.build(result, has_alpha=has_alpha, is_wanted=is_wanted)


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
