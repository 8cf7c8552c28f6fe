"""The fast guess in the picture: tells the model what is seen, and the view what was made of it."""

from __future__ import annotations

from PySide6.QtCore import QRectF

from scalediff_engine.ui.guess.model import GuessModel
from scalediff_engine.ui.loupe.frame import Frame
from scalediff_engine.ui.view.picture_view import PictureView
from scalediff_engine.ui.view.view_bar import ViewBar


class GuessLayer:
    """Stands between a model, a view of the source, and the button that hides the guess.

    Args:
        model: of the guess
        view: shows the source
        bar: has the button
    """

    def __init__(self, model: GuessModel, view: PictureView, bar: ViewBar) -> None:
        self._model = model
        self._view = view
        self._bar = bar
        view.zoomed.add(lambda _: self._see())
        bar.guess_wanted.add(lambda: model.switch(bar.wants_guess))
        model.changed.add(self._refresh)
        self._see()

    def _see(self) -> None:
        viewport = self._view.viewport
        if (viewport.width, viewport.height) != self._model.source:  # a result is seen
            return
        left, top = viewport.to_picture(0.0, 0.0)
        right, bottom = viewport.to_picture(viewport.view_width, viewport.view_height)
        left, top = max(0.0, left), max(0.0, top)
        right, bottom = min(float(viewport.width), right), min(float(viewport.height), bottom)
        self._model.see(Frame(left, top, right - left, bottom - top), viewport.scale)

    def _refresh(self) -> None:
        guess = self._model.guess if self._model.is_on else None
        if guess is None:
            self._view.show_guess(None, QRectF())
        else:
            frame = guess.frame
            self._view.show_guess(
                guess.raster, QRectF(frame.left, frame.top, frame.width, frame.height)
            )
