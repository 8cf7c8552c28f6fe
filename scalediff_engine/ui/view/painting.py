"""What is drawn over and under the pictures in the view."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap

from scalediff_engine.ui.language import translate
from scalediff_engine.ui.picture import Raster
from scalediff_engine.ui.view.state import Part, Side, Viewport


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


# Radius of the line's handle, in the units of the window.
GRIP = 10
_CHECK = 8
_SHADE = QColor(0, 0, 0, 150)
_WHITE = QColor("#ffffff")


def draw_line(
    painter: QPainter, place: float, height: int, ratio: float, *, has_grip: bool
) -> None:
    """Draw the line between two pictures.

    Args:
        painter: in device pixels
        place: of the line
        height: of the view
        ratio: device pixels for each of the window's units
        has_grip: whether it can be moved
    """
    painter.fillRect(QRectF(place - ratio, 0, 2 * ratio, height), _WHITE)
    painter.fillRect(QRectF(place - 2 * ratio, 0, ratio, height), _SHADE)
    painter.fillRect(QRectF(place + ratio, 0, ratio, height), _SHADE)
    if has_grip:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(_SHADE, ratio))
        painter.setBrush(_WHITE)
        painter.drawEllipse(QPointF(place, height / 2), GRIP * ratio, GRIP * ratio)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def guess_words() -> str:
    """Say of a picture that it is the fast networks', and not the result."""
    return translate("View", "Fast guess, not the result")


def draw_captions(painter: QPainter, parts: tuple[Part, ...], ratio: float, after: str) -> None:
    """Say which picture is which, where there is room for it.

    Args:
        painter: in the units of the window
        parts: of the view, in device pixels
        ratio: device pixels for each of the window's units
        after: what the one is that is not the source
    """
    words = {Side.SOURCE: translate("View", "Source"), Side.RESULT: after}
    metrics = painter.fontMetrics()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for part in parts:
        word = words[part.side]
        width = metrics.horizontalAdvance(word) + 14
        if width + 16 > part.width / ratio:
            continue
        end = (part.left + part.width) / ratio - width - 8
        left = part.left / ratio + 8 if part.side is Side.SOURCE else end
        draw_pill(painter, QPointF(left, 8), word)


def draw_pill(painter: QPainter, place: QPointF, word: str) -> None:
    """Write a word where it can be read on anything.

    Args:
        painter: in the units of the window
        place: of the left upper corner
        word: what it says
    """
    metrics = painter.fontMetrics()
    pill = QRectF(place.x(), place.y(), metrics.horizontalAdvance(word) + 14, metrics.height() + 6)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_SHADE)
    painter.drawRoundedRect(pill, 4, 4)
    painter.setPen(_WHITE)
    painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, word)


def checks() -> QBrush:
    """Give what is behind transparent pixels."""
    tile = QPixmap(2 * _CHECK, 2 * _CHECK)
    tile.fill(QColor("#8c8c8c"))
    painter = QPainter(tile)
    for corner in (0, _CHECK):
        painter.fillRect(corner, corner, _CHECK, _CHECK, QColor("#6f6f6f"))
    painter.end()
    return QBrush(tile)
