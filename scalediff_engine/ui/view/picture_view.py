"""The picture on the screen: zoom, pan, and two pictures against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import Colours
from scalediff_engine.ui.observers import Listeners
from scalediff_engine.ui.picture import Raster
from scalediff_engine.ui.view import painting
from scalediff_engine.ui.view.painting import Layer, draw, draw_over
from scalediff_engine.ui.view.state import Mode, Part, Side, Viewport, parts

BLINK_MS = 700
_PAN_STEP = 60
_SPLIT_STEP = 0.02
_WHEEL_STEP = 120.0


class Tool(Protocol):
    """What is in the hand in place of the picture; each event is its own if it says so."""

    def press(self, event: QMouseEvent) -> bool:
        """A button of the mouse was pressed."""
        ...

    def move(self, event: QMouseEvent) -> bool:
        """The mouse was moved."""
        ...

    def release(self, event: QMouseEvent) -> bool:
        """A button was let go."""
        ...

    def double_click(self, event: QMouseEvent) -> bool:
        """A button was pressed twice."""
        ...

    def key(self, event: QKeyEvent) -> bool:
        """A key was pressed."""
        ...

    def draw(self, painter: QPainter, viewport: Viewport, ratio: float, *, is_held: bool) -> None:
        """Draw over the picture, in device pixels; ``is_held`` = the source is to be seen."""
        ...

    def captions(self, painter: QPainter, viewport: Viewport, ratio: float) -> None:
        """Write over the picture, in the units of the window."""
        ...


class PictureView(QWidget):
    """Shows a source, and a result or preview against it; both in step.

    Args:
        colours: of the look

    Attributes:
        zoomed: told the zoom whenever what is seen changes
    """

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self.zoomed = Listeners[float]()
        self._colours = colours
        self._source: Raster | None = None
        self._result: Raster | None = None
        self._preview: Raster | None = None
        self._is_guess = False
        self._guess: tuple[Raster, QRectF] | None = None
        self._heat: Raster | None = None
        self._viewport = Viewport(1, 1, 1, 1)
        self._mode = Mode.SPLIT
        self._shown = Side.RESULT
        self._split = 0.5
        self._tool: Tool | None = None
        self._is_source_smooth = True
        self._is_source_held = False
        self._dragged: QPointF | None = None
        self._is_splitting = False
        self._blinking = QTimer(self)
        self._blinking.setInterval(BLINK_MS)
        self._blinking.timeout.connect(self._blink)
        self._checks = painting.checks()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(translate("View", "Picture"))
        self.setAccessibleDescription(
            translate(
                "View",
                "Arrow keys move the picture, plus and minus zoom, Ctrl with the arrow keys "
                "moves the line between source and result, Space shows the source.",
            )
        )

    # What is shown

    @property
    def viewport(self) -> Viewport:
        """What is seen, and how large."""
        return self._viewport

    @property
    def mode(self) -> Mode:
        """How source and result are compared."""
        return self._mode

    @property
    def split(self) -> float:
        """Where the line is, 0 to 1 from the left."""
        return self._split

    def show_source(self, source: Raster | None) -> None:
        """Show a source; what was compared with another one goes."""
        if source is self._source:
            return
        self._source, self._result, self._preview, self._heat = source, None, None, None
        self._guess = None
        if source is not None:
            self._viewport = Viewport(
                source.width, source.height, self._viewport.view_width, self._viewport.view_height
            ).fitted()
        self._moved()

    def show_preview(
        self, preview: Raster | None, width: int, height: int, *, is_guess: bool = False
    ) -> None:
        """Show how far a result is, or a guess, over the source; its size is what it will be."""
        self._result, self._preview, self._heat = None, preview, None
        self._is_guess = is_guess
        self._become(width, height)

    def show_result(self, result: Raster | None) -> None:
        """Show a result against the source; none = only the source."""
        if result is not self._result or self._preview is not None:
            self._result, self._preview, self._heat = result, None, None
            size = result or self._source
            if size is not None:
                self._become(size.width, size.height)

    def show_guess(self, guess: Raster | None, place: QRectF) -> None:
        """Lay a guess over a part of the source, as long as there is nothing better; none = none.

        Args:
            guess: what the part may become
            place: of the part, in pixels of the source
        """
        self._guess = None if guess is None else (guess, place)
        self.update()

    def show_heat(self, heat: Raster | None) -> None:
        """Lay a drift map over the pictures, or take it away."""
        if heat is not self._heat:
            self._heat = heat
            self.update()

    def set_mode(self, mode: Mode) -> None:
        """Compare in another way."""
        self._mode, self._shown = mode, Side.RESULT
        if mode is Mode.BLINK:
            self._blinking.start()
        else:
            self._blinking.stop()
        self._resize()
        self.update()

    def set_source_smooth(self, is_smooth: bool) -> None:
        """Show the enlarged source smooth, or as the squares that its pixels are."""
        self._is_source_smooth = is_smooth
        self.update()

    def set_split(self, split: float) -> None:
        """Move the line between the two."""
        self._split = min(1.0, max(0.0, split))
        self.update()

    def set_tool(self, tool: Tool | None) -> bool:
        """Put something into the hand, none = the picture itself; tells whether it is another."""
        if tool is self._tool:
            return False
        self._tool = tool
        self._dragged, self._is_splitting = None, False
        self.unsetCursor()
        self.update()
        return True

    # Zoom and pan

    def fit(self) -> None:
        """Show all of it."""
        self._viewport = self._viewport.fitted()
        self._moved()

    def zoom_to(self, zoom: float) -> None:
        """Show it at this size; what is in the middle stays there."""
        middle = self._viewport.view_width / 2, self._viewport.view_height / 2
        self._viewport = self._viewport.zoomed(zoom, *middle)
        self._moved()

    def show_place(self, x: float, y: float, zoom: float) -> None:
        """Put a place of the picture into the middle, at this size."""
        seen = self._viewport.zoomed(zoom, 0.0, 0.0)
        self._viewport = replace(seen, x=x, y=y).clamped()
        self._moved()

    def pan(self, device_x: float, device_y: float) -> None:
        """Move the picture."""
        self._viewport = self._viewport.panned(device_x, device_y)
        self._moved()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it would like."""
        return QSize(720, 560)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Give what it can do with."""
        return QSize(240, 200)

    # Events

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw all of it; takes what the view's pixels take, whatever the pictures' size."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(self._colours.canvas))
        if self._source is None:
            return
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        found = self._parts()
        for part in found:
            self._draw_part(painter, part)
        guess = self._seen_guess()
        if guess is not None:
            draw_over(painter, *guess, self._viewport, self._checks)
        if len(found) == 2:
            painting.draw_line(
                painter,
                found[1].left,
                self._viewport.view_height,
                ratio,
                has_grip=self._mode is Mode.SPLIT,
            )
        if self._tool is not None:
            self._tool.draw(painter, self._viewport, ratio, is_held=self._is_source_held)
        painter.scale(ratio, ratio)
        if self._tool is not None:
            self._tool.captions(painter, self._viewport, ratio)
        if self._newest is not None:
            painting.draw_captions(painter, found, ratio, self._caption)
        elif guess is not None:
            whole = Part(Side.RESULT, 0.0, float(self._viewport.view_width))
            painting.draw_captions(painter, (whole,), ratio, painting.guess_words())
        painter.end()

    def resizeEvent(self, _event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep what is in the middle there."""
        self._resize()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Zoom at the pointer."""
        steps = event.angleDelta().y() / _WHEEL_STEP
        place = self._device(event.position())
        if steps:
            self._viewport = self._viewport.stepped(steps, self._within(place.x()), place.y())
            self._moved()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Take hold of the line or of the picture."""
        if self._tool is not None and self._tool.press(event):
            return
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._dragged = event.position()
            self._is_splitting = self._is_at_line(event.position())
            self._show_cursor(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Move what is held."""
        is_free = self._dragged is None  # the picture can be moved under a tool as well
        if is_free and self._tool is not None and self._tool.move(event):
            return
        if self._dragged is None:
            self._show_cursor(event.position())
            return
        if self._is_splitting:
            self.set_split(event.position().x() / max(1, self.width()))
            return
        way = (event.position() - self._dragged) * self.devicePixelRatioF()
        self._dragged = event.position()
        self.pan(way.x(), way.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        if self._dragged is None and self._tool is not None and self._tool.release(event):
            return
        self._dragged, self._is_splitting = None, False
        self._show_cursor(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Change between all of it and 100 % at the pointer."""
        if self._tool is not None and self._tool.double_click(event):
            return
        place = self._device(event.position())
        if self._viewport.is_fitted:
            self._viewport = self._viewport.zoomed(1.0, self._within(place.x()), place.y())
            self._moved()
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Move, zoom, split."""
        if self._tool is not None and self._tool.key(event):
            return
        key, step = event.key(), _PAN_STEP * self.devicePixelRatioF()
        is_split = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        moves = {
            Qt.Key.Key_Left: (1, 0),
            Qt.Key.Key_Right: (-1, 0),
            Qt.Key.Key_Up: (0, 1),
            Qt.Key.Key_Down: (0, -1),
        }
        zooms = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1}
        if key == Qt.Key.Key_Space:
            self._hold_source(True)
        elif key in moves and is_split:
            self.set_split(self._split - moves[Qt.Key(key)][0] * _SPLIT_STEP)
        elif key in moves:
            across, down = moves[Qt.Key(key)]
            self.pan(across * step, down * step)
        elif key in zooms:
            middle = self._viewport.view_width / 2, self._viewport.view_height / 2
            self._viewport = self._viewport.stepped(zooms[Qt.Key(key)], *middle)
            self._moved()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Show the result again."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._hold_source(False)
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Notice another screen."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._resize()
        super().changeEvent(event)

    # Inside

    def _parts(self) -> tuple[Part, ...]:
        shown = Side.SOURCE if self._is_source_held else self._shown
        mode = Mode.BLINK if self._is_source_held else self._mode
        if self._preview is not None:
            mode, shown = Mode.BLINK, Side.SOURCE if self._is_source_held else Side.RESULT
        if self._is_source_held and self._mode is Mode.SIDE_BY_SIDE:
            mode = Mode.SIDE_BY_SIDE
        return parts(mode, self._viewport, self._split, shown, has_result=self._newest is not None)

    @property
    def _newest(self) -> Raster | None:
        return self._result if self._result is not None else self._preview

    def _seen_guess(self) -> tuple[Raster, QRectF] | None:
        """The guess, unless something better is there, or the source is to be seen as it is."""
        is_covered = self._newest is not None or self._tool is not None
        return None if is_covered or self._is_source_held else self._guess

    @property
    def _caption(self) -> str:
        """What the newer of the two pictures is."""
        if self._result is not None:
            return translate("View", "Result")
        return painting.guess_words() if self._is_guess else translate("View", "Preview")

    def _draw_part(self, painter: QPainter, part: Part) -> None:
        raster = self._source if part.side is Side.SOURCE else self._newest
        assert raster is not None
        is_smooth = self._is_source_smooth if part.side is Side.SOURCE else self._result is None
        view = self._viewport
        clip = QRectF(part.left - part.offset, 0, part.width, view.view_height)
        painter.save()
        painter.translate(part.offset, 0)
        if raster.has_alpha:
            place = QRectF(view.left, view.top, view.width * view.scale, view.height * view.scale)
            painter.fillRect(place.intersected(clip), self._checks)
        draw(painter, Layer(raster, is_smooth), view, clip)
        if self._heat is not None and part.side is Side.RESULT:
            draw(painter, Layer(self._heat), view, clip)
        painter.restore()

    def _become(self, width: int, height: int) -> None:
        if (width, height) != (self._viewport.width, self._viewport.height):
            self._viewport = self._viewport.showing(width, height)
        self._moved()

    def _resize(self) -> None:
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        if self._is_halved():
            width //= 2
        self._viewport = self._viewport.resized(max(1, width), max(1, height))
        self._moved()

    def _is_halved(self) -> bool:
        return self._mode is Mode.SIDE_BY_SIDE and self._result is not None

    def _moved(self) -> None:
        ratio = self.devicePixelRatioF()
        width = round(self.width() * ratio) // (2 if self._is_halved() else 1)
        if width != self._viewport.view_width and width > 0:
            self._viewport = self._viewport.resized(width, self._viewport.view_height)
        self.zoomed.tell(self._viewport.scale)
        self.update()

    def _device(self, place: QPointF) -> QPointF:
        return place * self.devicePixelRatioF()

    def _within(self, device_x: float) -> float:
        """Give the place within its half where two are side by side."""
        return device_x % self._viewport.view_width if self._is_halved() else device_x

    def _is_at_line(self, place: QPointF) -> bool:
        if self._mode is not Mode.SPLIT or self._result is None:
            return False
        return abs(place.x() - self._split * self.width()) <= painting.GRIP

    def _show_cursor(self, place: QPointF) -> None:
        if self._is_splitting or (self._dragged is None and self._is_at_line(place)):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif self._dragged is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def _hold_source(self, is_held: bool) -> None:
        self._is_source_held = is_held
        self.update()

    def _blink(self) -> None:
        self._shown = Side.SOURCE if self._shown is Side.RESULT else Side.RESULT
        self.update()
