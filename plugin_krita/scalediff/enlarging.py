"""Selections at the size of a result."""

from __future__ import annotations

from .qt import QImage, Qt


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
    large = image.scaled(
        to_width,
        to_height,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).convertToFormat(QImage.Format.Format_Grayscale8)
    line = large.bytesPerLine()
    held = large.constBits().asstring(line * to_height)
    if line == to_width:
        return held
    rows = (held[y * line : y * line + to_width] for y in range(to_height))
    return b"".join(rows)
