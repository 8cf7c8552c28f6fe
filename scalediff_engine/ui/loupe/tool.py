"""The loupe in the picture: drawn over it, dragged with the mouse, moved with keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen

from scalediff_engine.ui import words
from scalediff_engine.ui.compare.viewport import Viewport
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.loupe.frame import Frame, dragged, first_frame
from scalediff_engine.ui.loupe.model import LoupeModel
from scalediff_engine.ui.raster import Raster
from scalediff_engine.ui.view import painting
from scalediff_engine.ui.view.picture_view import PictureView

_SHADE = QColor(0, 0, 0, 150)
_WHITE = QColor("#ffffff")
# A drag shorter than this, in the window's units, is a click.
_CLICK = 5
_SPLIT_STEP = 0.05
# Of the frame's sides, for each press of an arrow key.
_MOVE_STEP = 1 / 8


class LoupeTool:
    """Shows and moves a loupe while it is in the hand.

    Args:
        model: of the loupe
        view: that it is held over
    """

    def __init__(self, model: LoupeModel, view: PictureView) -> None:
        self._model = model
        self._view = view
        self._split = 0.5
        self._pressed: QPointF | None = None
        self._corner: tuple[float, float] | None = None  # where a new frame was begun
        self._grip: Frame | None = None  # the frame as it was when it was taken hold of
        self._is_splitting = False
        model.changed.add(self._refresh)
        self._refresh()

    def show_closer(self) -> None:
        """Show the look that is seen pixel for pixel."""
        current = self._model.current
        if current is not None:
            frame = current.frame
            middle = frame.left + frame.width / 2, frame.top + frame.height / 2
            self._view.show_place(*middle, current.raster.width / frame.width)

    # What the view asks

    def press(self, event: QMouseEvent) -> bool:
        """Take hold of the line or the frame, or begin another frame."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return False
        self._pressed = event.position()
        self._is_splitting = self._is_at_line(event.position())
        x, y = self._place(event.position())
        frame = self._model.frame
        self._corner, self._grip = None, None
        if self._is_splitting:
            pass
        elif frame is not None and frame.holds(x, y):
            self._grip = frame
        else:
            self._corner = (x, y)
        return True

    def move(self, event: QMouseEvent) -> bool:
        """Move what is held."""
        if self._pressed is None:
            self._show_cursor(event.position())
            return True
        x, y = self._place(event.position())
        if self._is_splitting:
            self._split_at(event.position())
        elif self._grip is not None:
            x0, y0 = self._place(self._pressed)
            self._model.hold(self._grip.moved(x - x0, y - y0, self._model.source))
        elif self._corner is not None and self._is_dragging(event.position()):
            self._model.hold(dragged(*self._corner, x, y, self._model.source))
        return True

    def release(self, event: QMouseEvent) -> bool:
        """Let go; a click alone puts a frame of the usual size there."""
        if self._pressed is None:
            return False
        if self._corner is not None and not self._is_dragging(event.position()):
            x, y = self._corner
            self._model.hold(first_frame(x, y, self._model.source, self._model.result))
        self._pressed, self._corner, self._grip = None, None, None
        self._is_splitting = False
        self._show_cursor(event.position())
        return True

    def double_click(self, event: QMouseEvent) -> bool:
        """Look."""
        frame = self._model.frame
        if frame is None or not frame.holds(*self._place(event.position())):
            return False
        self._model.start()
        return True

    def key(self, event: QKeyEvent) -> bool:
        """Move the frame, change its size, look, or put the loupe away."""
        model, key = self._model, event.key()
        frame = model.frame
        if frame is None:
            return False
        moves = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        sizes = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1}
        is_split = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if key in moves and is_split:
            self._split = min(1.0, max(0.0, self._split + moves[Qt.Key(key)][0] * _SPLIT_STEP))
            self._view.update()
        elif key in moves:
            right, down = moves[Qt.Key(key)]
            step = 1.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0.0
            across, along = step or frame.width * _MOVE_STEP, step or frame.height * _MOVE_STEP
            model.hold(frame.moved(right * across, down * along, model.source))
        elif key in sizes:
            model.hold(frame.resized(sizes[Qt.Key(key)], model.source))
        elif key == Qt.Key.Key_PageUp:
            model.step(-1)
        elif key == Qt.Key.Key_PageDown:
            model.step(1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not is_split:
            model.start()
        elif key == Qt.Key.Key_Escape and model.running is not None:
            model.cancel()
        elif key == Qt.Key.Key_Escape:
            model.toggle(False)
        else:
            return False
        return True

    def draw(self, painter: QPainter, viewport: Viewport, ratio: float, *, is_held: bool) -> None:
        """Draw the look that is seen, the one that is under way, and the frame.

        Args:
            painter: in device pixels
            viewport: of the source
            ratio: device pixels for each of the window's units
            is_held: whether the source is to be seen
        """
        model = self._model
        current = model.current
        if current is not None and not is_held:
            place = _rectangle(current.frame, viewport)
            _draw_right_of(painter, current.raster, place, self._split)
            line = place.left() + round(self._split * place.width())
            painter.fillRect(QRectF(line - ratio, place.top(), 2 * ratio, place.height()), _WHITE)
            painter.fillRect(QRectF(line + ratio, place.top(), ratio, place.height()), _SHADE)
            _outline(painter, place, ratio, Qt.PenStyle.SolidLine)
        running, progress = model.running, model.progress
        preview = None if progress is None else progress.preview
        if running is not None and preview is not None and not is_held:
            _draw_right_of(painter, preview, _rectangle(running, viewport), 0.0)
        if model.frame is not None and (current is None or model.is_due):
            frame = running or model.frame
            _outline(painter, _rectangle(frame, viewport), ratio, Qt.PenStyle.DashLine)

    def captions(self, painter: QPainter, viewport: Viewport, ratio: float) -> None:
        """Say below each rectangle what it is.

        Args:
            painter: in the units of the window
            viewport: of the source
            ratio: device pixels for each of the window's units
        """
        model = self._model
        current = model.current
        if current is not None:
            word = translate("Loupe", "Result")
            if model.is_stale:
                word = translate("Loupe", "With other settings")
            if len(model.looks) > 1:
                word = f"{current.number}: {word}"
            painting.draw_pill(painter, _below(_rectangle(current.frame, viewport), ratio), word)
        if model.running is not None:
            place = _rectangle(model.running, viewport)
            painting.draw_pill(painter, _below(place, ratio), self._state())
            progress = model.progress
            if progress is not None and progress.preview is not None and progress.is_guess:
                corner = place.topLeft() / ratio
                painting.draw_pill(painter, corner + QPointF(4, 4), painting.guess_words())

    def _state(self) -> str:
        progress = self._model.progress
        if progress is None:
            return translate("Loupe", "Looking…")
        percent = words.number(100 * progress.fraction, 0)
        return translate("Loupe", "Looking… {percent} %").format(percent=percent)

    # Inside

    def _refresh(self) -> None:
        is_new = self._view.set_tool(self if self._model.is_on else None)
        if is_new and self._model.is_on:  # its keys move it
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)
        self._view.update()

    def _place(self, position: QPointF) -> tuple[float, float]:
        """A place of the window in pixels of the source."""
        device = position * self._view.devicePixelRatioF()
        return self._view.viewport.to_picture(device.x(), device.y())

    def _look_place(self) -> QRectF | None:
        """Where the look is that is seen, in the window's units."""
        current = self._model.current
        if current is None:
            return None
        place, ratio = _rectangle(current.frame, self._view.viewport), self._ratio
        return QRectF(place.topLeft() / ratio, place.size() / ratio)

    @property
    def _ratio(self) -> float:
        return self._view.devicePixelRatioF()

    def _is_at_line(self, position: QPointF) -> bool:
        place = self._look_place()
        if place is None or not place.top() <= position.y() <= place.bottom():
            return False
        return abs(position.x() - place.left() - self._split * place.width()) <= painting.GRIP / 2

    def _split_at(self, position: QPointF) -> None:
        place = self._look_place()
        if place is not None and place.width():
            at = (position.x() - place.left()) / place.width()
            self._split = min(1.0, max(0.0, at))
            self._view.update()

    def _is_dragging(self, position: QPointF) -> bool:
        assert self._pressed is not None  # only asked while something is held
        return (position - self._pressed).manhattanLength() > _CLICK

    def _show_cursor(self, position: QPointF) -> None:
        frame = self._model.frame
        if self._is_at_line(position):
            self._view.setCursor(Qt.CursorShape.SplitHCursor)
        elif frame is not None and frame.holds(*self._place(position)):
            self._view.setCursor(Qt.CursorShape.SizeAllCursor)
        else:
            self._view.setCursor(Qt.CursorShape.CrossCursor)


def _rectangle(frame: Frame, viewport: Viewport) -> QRectF:
    """Where a part of the source is, in device pixels."""
    scale = viewport.scale
    left, top = viewport.left + frame.left * scale, viewport.top + frame.top * scale
    return QRectF(left, top, frame.width * scale, frame.height * scale)


def _draw_right_of(painter: QPainter, raster: Raster, place: QRectF, split: float) -> None:
    """Draw a picture stretched over a place, where it is right of a line."""
    scale = place.width() / raster.width
    image = raster.images[raster.level_for(scale)]
    cut = round(split * place.width())
    shown = QRectF(place.left() + cut, place.top(), place.width() - cut, place.height())
    share = image.width() / place.width() if place.width() else 0.0
    part = QRectF(cut * share, 0, image.width() - cut * share, image.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
    painter.drawImage(shown, image, part)
    painter.restore()


def _outline(painter: QPainter, place: QRectF, ratio: float, style: Qt.PenStyle) -> None:
    """Draw a rectangle that is seen on anything."""
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(_SHADE, 3 * ratio))
    painter.drawRect(place)
    painter.setPen(QPen(_WHITE, ratio, style))
    painter.drawRect(place)
    painter.restore()


def _below(place: QRectF, ratio: float) -> QPointF:
    """Where a caption begins, in the units of the window."""
    return QPointF(place.left() / ratio, place.bottom() / ratio + 4)
