"""Selections at the size of a result."""

from __future__ import annotations

from .qt import QImage, QPainter, QRectF

# Qt does this without letting another thread run, so it is done in parts of a few milliseconds.
_BAND_PIXELS = 1 << 18


def scale_mask(mask: bytes, width: int, height: int, to_width: int, to_height: int) -> bytes:
    """Give a mask, one byte for each pixel, at another size; may be called in a thread.

    Args:
        mask: as it is
        width, height: of it
        to_width, to_height: as it shall be
    """
    if (width, height) == (to_width, to_height):
        return mask
    image = QImage(mask, width, height, width, QImage.Format.Format_Grayscale8)
    rows = max(1, _BAND_PIXELS // to_width)
    found = bytearray()
    for top in range(0, to_height, rows):
        band = QImage(to_width, min(rows, to_height - top), QImage.Format.Format_Grayscale8)
        painter = QPainter(band)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(0.0, -top, to_width, to_height), image)
        painter.end()
        line = band.bytesPerLine()
        held = band.constBits().asstring(line * band.height())
        for y in range(band.height()):
            found += held[y * line : y * line + to_width]
    return bytes(found)
