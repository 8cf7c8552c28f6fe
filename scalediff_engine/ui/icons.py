"""A few icons, drawn in the colour of the text so that they suit both looks and any size."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

_SIDE = 64
_PEN = 5.0


def lock(colour: str, *, is_closed: bool) -> QIcon:
    """A padlock."""

    def draw(painter: QPainter) -> None:
        painter.drawRoundedRect(QRectF(14, 30, 36, 26), 4, 4)
        left = 20 if is_closed else 34
        painter.drawArc(QRectF(left, 8, 24, 32), 0, 180 * 16)
        painter.drawLine(QPointF(left, 24), QPointF(left, 30))
        if is_closed:
            painter.drawLine(QPointF(44, 24), QPointF(44, 30))

    return _icon(draw, colour)


def dice(colour: str) -> QIcon:
    """A die that shows five."""

    def draw(painter: QPainter) -> None:
        painter.drawRoundedRect(QRectF(10, 10, 44, 44), 8, 8)
        painter.setBrush(QColor(colour))
        painter.setPen(Qt.PenStyle.NoPen)
        for x, y in ((22, 22), (42, 22), (32, 32), (22, 42), (42, 42)):
            painter.drawEllipse(QPointF(x, y), 4.5, 4.5)

    return _icon(draw, colour)


def sparkle(colour: str) -> QIcon:
    """The program's own: a small square becoming a large one."""

    def draw(painter: QPainter) -> None:
        painter.drawRect(QRectF(8, 36, 20, 20))
        painter.drawRect(QRectF(8, 8, 48, 48))
        painter.drawLine(QPointF(32, 32), QPointF(47, 17))
        painter.drawLine(QPointF(47, 17), QPointF(36, 17))
        painter.drawLine(QPointF(47, 17), QPointF(47, 28))

    return _icon(draw, colour)


def _icon(draw: Callable[[QPainter], None], colour: str) -> QIcon:
    pixmap = QPixmap(_SIDE, _SIDE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(colour), _PEN)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    draw(painter)
    painter.end()
    return QIcon(pixmap)
