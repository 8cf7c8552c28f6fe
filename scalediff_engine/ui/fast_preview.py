"""A fast preview of the visible part of the source, before the upscale starts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QRectF

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import (
    JobRequest,
    JobState,
    Priority,
    UpscaleSettings,
    Window,
)
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.job_follower import JobFollower, PendingRequests, ProgressModel, Upload
from scalediff_engine.ui.loupe.model import Frame, frame_of
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.picture import Picture, Raster
from scalediff_engine.ui.upscale.choices import Extent
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.view.picture_view import PictureView
from scalediff_engine.ui.view.view_bar import ViewBar
from scalediff_engine.ui.workers import Later, Ticket

# Longer than between two steps of a wheel.
DELAY_MS = 400
# What the networks are made for; a whole number, so that a part of a picture is cut out of it.
_SMALL, _LARGE = 2, 4
# Already seen, if no more than this is missing at a side, in pixels of the source.
_SLACK = 1.0


@dataclass(frozen=True)
class FastPreview:
    """A part of the source, enlarged by the fast networks.

    Attributes:
        frame: where it is in the source
        scale: how much larger
        raster: what is seen
    """

    frame: Frame
    scale: float
    raster: Raster

    def serves(self, frame: Frame, scale: float) -> bool:
        """Whether it has all of another one."""
        mine = self.frame
        return (
            self.scale >= scale
            and mine.left <= frame.left + _SLACK
            and mine.top <= frame.top + _SLACK
            and mine.left + mine.width >= frame.left + frame.width - _SLACK
            and mine.top + mine.height >= frame.top + frame.height - _SLACK
        )


@dataclass(frozen=True)
class _Asked:
    """A guess that is under way."""

    frame: Frame
    scale: float
    window: Window


class FastPreviewModel:
    """Has the fast networks enlarge what is seen, where the screen enlarges the source.

    It never stands in the way of an upscale: it waits behind every other job, and is given up as
    soon as something else is wanted. Where there is none, nothing is said: the source is seen.

    Args:
        gateway: to the engine
        later: calls something after a while
        upscale: what is chosen
        upload: gives the picture to the engine, unless it has it
        pending: requests that must be answered before the program ends

    Attributes:
        is_on: whether the user wants to see it
        guess: the newest; none = there is none
        changed: told whenever anything here is different
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Later,
        upscale: UpscaleModel,
        upload: Upload,
        pending: PendingRequests | None = None,
    ) -> None:
        self._later = later
        self._upscale = upscale
        self._job = JobFollower(gateway, later, upload, pending or PendingRequests())
        self._seen: tuple[Frame, float] | None = None
        self._is_allowed = False
        self._asked: _Asked | None = None
        self._waiting = Ticket()
        self.is_on = True
        self.guess: FastPreview | None = None
        self.changed = Observers()
        upscale.changed.add(self._look)

    @property
    def source(self) -> Size:
        """Size of the picture."""
        return self._upscale.source

    @property
    def is_under_way(self) -> bool:
        """Whether one is being made."""
        return self._asked is not None

    def see(self, frame: Frame, zoom: float) -> None:
        """Hear what is seen.

        Args:
            frame: of the source
            zoom: pixels of the screen for each of the source's
        """
        self._seen = (frame, zoom)
        self._look()

    def allow(self, is_allowed: bool) -> None:
        """Make guesses, or none for now: something else is at work. What there is stays."""
        if is_allowed is not self._is_allowed:
            self._is_allowed = is_allowed
            self._look()

    def switch(self, is_on: bool) -> None:
        """Want guesses to be seen, or the source as it is."""
        if is_on is not self.is_on:
            self.is_on = is_on
            self._look()
            self.changed.tell()

    def close(self) -> None:
        """Ask nothing any more."""
        self._is_allowed = False
        self._give_up()

    def _wanted(self) -> _Asked | None:
        """What is to be asked for; none = nothing would be gained."""
        if not (self.is_on and self._is_allowed) or self._seen is None:
            return None
        frame, zoom = self._seen
        source = self._upscale.source
        chosen = self._upscale.choices.extent.scale_of(source)
        if zoom <= 1 or chosen <= 1 or min(frame.width, frame.height) < 1:
            return None
        scale = float(min(_LARGE, max(_SMALL, math.ceil(min(chosen, zoom)))))
        if self.guess is not None and self.guess.serves(frame, scale):
            return None
        window = frame.window(source, _result(source, scale))
        return _Asked(frame, scale, window)

    def _look(self) -> None:
        """Ask for what is seen once it has been seen for a while."""
        wanted = self._wanted()
        if wanted is not None and wanted == self._asked:
            return
        self._give_up()
        if wanted is not None:
            self._waiting = self._later(DELAY_MS, self._ask)

    def _ask(self) -> None:
        wanted = self._asked = self._wanted()
        if wanted is None:
            return
        settings = UpscaleSettings(scale=wanted.scale, method="fast")

        def request(image: str) -> JobRequest:
            return JobRequest(image, settings, Priority.FOLDER, keep=False, window=wanted.window)

        self._job.start(request, lambda _: None, self._on_job_ended, lambda _: self._end())

    def _on_job_ended(self, progress: ProgressModel) -> None:
        if progress.state is JobState.DONE:
            self._job.fetch(self._on_result, lambda _: self._end())
        else:
            self._end()

    def _on_result(self, picture: Picture) -> None:
        asked = self._asked
        if asked is not None:
            source = self._upscale.source
            frame = frame_of(asked.window, source, _result(source, asked.scale))
            self.guess = FastPreview(frame, asked.scale, picture.raster)
        self._job.remove()  # nobody will ask for it again
        self._end()

    def _give_up(self) -> None:
        self._waiting.cancel()
        if self._asked is not None:
            self._job.cancel()
            self._end()

    def _end(self) -> None:
        """Be through with the one that was under way."""
        self._job.leave()
        self._asked = None
        self.changed.tell()


def _result(source: Size, scale: float) -> Size:
    return Extent(scale=scale).result(source)


class FastPreviewLayer:
    """Stands between a model, a view of the source, and the button that hides the guess.

    Args:
        model: of the guess
        view: shows the source
        bar: has the button
    """

    def __init__(self, model: FastPreviewModel, view: PictureView, bar: ViewBar) -> None:
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
