"""The loupe in the picture, moved with the mouse or keys, and its buttons."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from scalediff_engine.ui import words
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.look import set_kind
from scalediff_engine.ui.loupe.model import Frame, Look, LoupeModel, dragged, first_frame
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.picture import Raster
from scalediff_engine.ui.view import painting
from scalediff_engine.ui.view.picture_view import PictureView
from scalediff_engine.ui.view.state import Viewport
from scalediff_engine.ui.widgets import on_keys

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


class LoupeBar(QWidget):
    """Drives a loupe.

    Args:
        model: of the loupe

    Attributes:
        closer: told when the look is to be seen pixel for pixel
    """

    def __init__(self, model: LoupeModel) -> None:
        super().__init__()
        self.closer = Observers()
        self._model = model
        self._shown: tuple[Look, ...] = ()
        self._numbers: list[QToolButton] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._state = QLabel()
        set_kind(self._state, "quiet")
        row.addWidget(self._state, 1)
        self._looks = QHBoxLayout()
        self._looks.setSpacing(2)
        row.addLayout(self._looks)
        self._look = QPushButton(translate("Loupe", "&Look"))
        self._look.setToolTip(
            translate("Loupe", "Compute this part of the result, as the whole would have it")
        )
        self._cancel = QPushButton(translate("Loupe", "Stop"))
        self._closer = QToolButton()
        self._closer.setText(translate("Loupe", "Closer"))
        self._closer.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(self._closer, "choice")
        tip = translate("Loupe", "See this part of the result pixel for pixel")
        on_keys(self._closer, "Z")
        self._closer.setToolTip(f"{tip} (Z)")
        self._closer.setAccessibleDescription(tip)
        self._toggle = QToolButton()
        self._toggle.setText(translate("Loupe", "Loupe"))
        self._toggle.setCheckable(True)
        self._toggle.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(self._toggle, "choice")
        tip = translate(
            "Loupe",
            "See a part of the result before the whole: drag a frame, or move it with the arrow "
            "keys and size it with plus and minus; Return looks",
        )
        on_keys(self._toggle, "L")
        self._toggle.setToolTip(f"{tip} (L)")
        self._toggle.setAccessibleDescription(tip)
        for widget in (self._closer, self._look, self._cancel, self._toggle):
            row.addWidget(widget)
        self._closer.clicked.connect(self.closer.tell)
        self._toggle.clicked.connect(model.toggle)
        self._look.clicked.connect(model.start)
        self._cancel.clicked.connect(model.cancel)
        model.changed.add(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how the loupe stands."""
        model = self._model
        is_running = model.running is not None
        self._toggle.setChecked(model.is_on)
        self._show_looks()
        self._state.setText(self._words())
        self._state.setToolTip(self._state.text())
        self._state.setWordWrap(model.problem is not None)
        self._state.setVisible(model.is_on)
        self._closer.setVisible(model.is_on and model.current is not None)
        self._look.setVisible(model.is_on and not is_running)
        self._look.setEnabled(model.can_start and model.is_due)
        has_look = model.current is not None and model.is_stale
        word = translate("Loupe", "&Look again") if has_look else translate("Loupe", "&Look")
        self._look.setText(word)
        self._cancel.setVisible(is_running)

    def _words(self) -> str:
        model = self._model
        if model.problem is not None:
            return model.problem.message
        progress = model.progress
        if progress is not None:
            left = progress.seconds_left
            return words.time_left(None if left is None else round(left))
        window = model.window
        if window is None or not model.is_due:
            return ""
        size = words.size_px(window.width, window.height)
        if model.seconds is None:
            return size
        return translate("Loupe", "{size}, about {duration}").format(
            size=size, duration=words.duration(model.seconds)
        )

    def _show_looks(self) -> None:
        """One small button for each look, if there are several."""
        model = self._model
        if model.looks is not self._shown:
            self._shown = model.looks
            for button in self._numbers:
                self._looks.removeWidget(button)
                button.hide()
                button.deleteLater()
            self._numbers = [self._number(look) for look in model.looks]
            for button in self._numbers:
                self._looks.addWidget(button)
        for look, button in zip(model.looks, self._numbers, strict=True):
            button.setChecked(look.number == model.chosen)
            button.setVisible(model.is_on and len(model.looks) > 1)

    def _number(self, look: Look) -> QToolButton:
        button = QToolButton()
        button.setText(str(look.number))
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(button, "choice")
        tip = recipe_words(look)
        button.setToolTip(tip)
        button.setAccessibleName(translate("Loupe", "Look {number}").format(number=look.number))
        button.setAccessibleDescription(tip)
        button.clicked.connect(lambda: self._model.look_at(look.number))
        return button


def recipe_words(look: Look) -> str:
    """Say what a look was made with, a line for each thing."""
    choices = look.choices
    creativity = choices.creativity
    lines = [
        words.size_px(look.window.width, look.window.height),
        translate("Loupe", "Model: {name}").format(name=choices.model),
        translate("Loupe", "Quality: {name}").format(name=words.preset(choices.preset)),
    ]
    if creativity is not None:
        value = words.number(creativity, 2)
        lines.append(translate("Loupe", "Creativity: {value}").format(value=value))
    value = words.number(choices.structure, 2)
    lines.append(translate("Loupe", "Structure: {value}").format(value=value))
    lines.append(translate("Loupe", "Seed: {value}").format(value=choices.seed))
    if choices.prompt:
        lines.append(translate("Loupe", "Prompt: {text}").format(text=choices.prompt))
    return "\n".join(lines)
