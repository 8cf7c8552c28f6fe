"""Draws one picture where the viewport has it, from the level that is just large enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QRectF
from PySide6.QtGui import QBrush, QPainter

from scalediff_engine.ui.compare.viewport import Viewport
from scalediff_engine.ui.raster import Raster


@dataclass(frozen=True)
class Layer:
    """A picture and how its pixels are shown.

    Attributes:
        raster: the picture
        is_smooth: whether it is blurred rather than shown as squares when it is larger than it is
    """

    raster: Raster
    is_smooth: bool = False


def draw(painter: QPainter, layer: Layer, viewport: Viewport, clip: QRectF) -> None:
    """Draw what of a picture is seen within ``clip``.

    Args:
        painter: in device pixels
        layer: stretched over the viewport's picture, whatever its own size
        viewport: where that is
        clip: in device pixels
    """
    raster = layer.raster
    across = viewport.width * viewport.scale / raster.width
    down = viewport.height * viewport.scale / raster.height
    level = raster.level_for(max(across, down))
    image = raster.images[level]
    # device pixels for each pixel of this level
    across = viewport.width * viewport.scale / image.width()
    down = viewport.height * viewport.scale / image.height()
    # whole pixels, and one more on each side for who looks at neighbours
    left = max(0, math.floor((clip.left() - viewport.left) / across) - 1)
    top = max(0, math.floor((clip.top() - viewport.top) / down) - 1)
    right = min(image.width(), math.ceil((clip.right() - viewport.left) / across) + 1)
    bottom = min(image.height(), math.ceil((clip.bottom() - viewport.top) / down) + 1)
    if right <= left or bottom <= top:
        return
    is_shrunk = across < 0.999 or down < 0.999
    is_enlarged = across > 1.001 or down > 1.001
    painter.setRenderHint(
        QPainter.RenderHint.SmoothPixmapTransform, is_shrunk or (is_enlarged and layer.is_smooth)
    )
    target = QRectF(
        viewport.left + left * across,
        viewport.top + top * down,
        (right - left) * across,
        (bottom - top) * down,
    )
    painter.save()
    painter.setClipRect(clip)
    painter.drawImage(target, image, QRectF(left, top, right - left, bottom - top))
    painter.restore()


def draw_over(
    painter: QPainter, raster: Raster, part: QRectF, viewport: Viewport, behind: QBrush
) -> None:
    """Draw a picture of a part of the viewport's picture over that part.

    Args:
        painter: in device pixels
        raster: stretched over the part, whatever its own size
        part: in pixels of the viewport's picture
        viewport: where that is
        behind: for what is transparent
    """
    scale = viewport.scale
    place = QRectF(
        viewport.left + part.left() * scale,
        viewport.top + part.top() * scale,
        part.width() * scale,
        part.height() * scale,
    )
    if raster.has_alpha:
        painter.fillRect(place, behind)
    image = raster.images[raster.level_for(place.width() / raster.width)]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(place, image, QRectF(image.rect()))
    painter.restore()
