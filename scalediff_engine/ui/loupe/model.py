"""The loupe without its widgets: its frame, the cost of a preview, and the previews made so far.

The frame is in pixels of the source, so that it stays in place when the result becomes larger; the
engine is asked for pixels of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import (
    JobRequest,
    JobState,
    PlanInfo,
    PlanRequest,
    Priority,
    Problem,
    UpscaleSettings,
    Window,
)
from scalediff_engine.ui.gateway import Gateway
from scalediff_engine.ui.job_follower import JobFollower, PendingRequests, ProgressModel, Upload
from scalediff_engine.ui.observers import Observers
from scalediff_engine.ui.picture import Picture, Raster
from scalediff_engine.ui.upscale.choices import Choices
from scalediff_engine.ui.upscale.model import UpscaleModel
from scalediff_engine.ui.workers import Later, Ticket

# As the engine has it.
MAX_SIDE_PX = 2048
MIN_SIDE_PX = 32
# What a first frame has, in pixels of the result.
FIRST_SIDE_PX = 512
STEP = 1.25


@dataclass(frozen=True)
class Frame:
    """A part of the source.

    Attributes:
        left, top, width, height: in pixels of the source
    """

    left: float
    top: float
    width: float
    height: float

    def window(self, source: Size, result: Size) -> Window:
        """Give it in whole pixels of the result, inside of it and no larger than may be."""
        x, width = _along(self.left, self.width, source.width, result.width)
        y, height = _along(self.top, self.height, source.height, result.height)
        return Window(x, y, width, height)

    def moved(self, right: float, down: float, source: Size) -> Frame:
        """Move it by so many pixels of the source, as far as the picture goes."""
        return Frame(
            min(max(0.0, self.left + right), max(0.0, source.width - self.width)),
            min(max(0.0, self.top + down), max(0.0, source.height - self.height)),
            self.width,
            self.height,
        )

    def resized(self, steps: int, source: Size) -> Frame:
        """Make it larger or smaller around its middle."""
        width = min(self.width * STEP**steps, float(source.width))
        height = min(self.height * STEP**steps, float(source.height))
        middle = self.left + self.width / 2, self.top + self.height / 2
        return Frame(middle[0] - width / 2, middle[1] - height / 2, width, height).moved(
            0, 0, source
        )

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a place is in it."""
        in_width = self.left <= x < self.left + self.width
        return in_width and self.top <= y < self.top + self.height


def first_frame(x: float, y: float, source: Size, result: Size) -> Frame:
    """Give a frame around a place of the source, of the usual size."""
    width = min(FIRST_SIDE_PX * source.width / result.width, float(source.width))
    height = min(FIRST_SIDE_PX * source.height / result.height, float(source.height))
    return Frame(x - width / 2, y - height / 2, width, height).moved(0, 0, source)


def dragged(x0: float, y0: float, x1: float, y1: float, source: Size) -> Frame:
    """Give the frame between two corners, as far as the picture goes."""
    xs = sorted(min(max(0.0, x), float(source.width)) for x in (x0, x1))
    ys = sorted(min(max(0.0, y), float(source.height)) for y in (y0, y1))
    return Frame(xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0])


def frame_of(window: Window, source: Size, result: Size) -> Frame:
    """Give where a window of a result is in the source."""
    across, down = source.width / result.width, source.height / result.height
    return Frame(window.x * across, window.y * down, window.width * across, window.height * down)


def _along(start: float, length: float, source: int, result: int) -> tuple[int, int]:
    """Start and length along one axis, in pixels of the result."""
    scale = result / source
    side = min(max(round(length * scale), min(MIN_SIDE_PX, result)), MAX_SIDE_PX, result)
    middle = (start + length / 2) * scale
    return min(max(0, round(middle - side / 2)), result - side), side


COST_DELAY_MS = 200
LOOKS_KEPT = 8


@dataclass(frozen=True)
class Look:
    """A part of a result that was computed.

    Attributes:
        number: 1, 2, 3, ...
        frame: where it is in the source
        window: where it is in the result
        choices, settings: what it was made with
        raster: what is seen
    """

    number: int
    frame: Frame
    window: Window
    choices: Choices
    settings: UpscaleSettings
    raster: Raster


@dataclass(frozen=True)
class _Asked:
    """A look that is under way."""

    frame: Frame
    window: Window
    choices: Choices
    settings: UpscaleSettings

    def request(self, title: str) -> Callable[[str], JobRequest]:
        """Give what the engine is asked for, once the id of the upload is known."""
        return lambda image: JobRequest(
            image, self.settings, Priority.EDITOR, title, keep=False, window=self.window
        )


class LoupeModel:
    """Asks for looks at a part of what the settings would give.

    Nothing of the document changes by it, and no result comes of it.

    Args:
        gateway: to the engine
        later: calls something after a while
        upscale: what is chosen
        upload: gives the picture to the engine, unless it has it
        title: of the picture
        pending: requests that must be answered before the program ends

    Attributes:
        is_on: whether the loupe is in the hand
        frame: where it is held; none = nowhere yet
        seconds: about how long a look takes; none = not known yet
        looks: the oldest first
        chosen: number of the one that is seen; 0 = none
        problem: why there is no look, or cannot be
        changed: told whenever anything here is different
    """

    def __init__(
        self,
        gateway: Gateway,
        later: Later,
        upscale: UpscaleModel,
        upload: Upload,
        title: str = "",
        pending: PendingRequests | None = None,
    ) -> None:
        self._gateway = gateway
        self._later = later
        self._upscale = upscale
        self._title = title
        self._job = JobFollower(gateway, later, upload, pending or PendingRequests())
        self._asked: _Asked | None = None
        self._costed: PlanRequest | None = None
        self._waiting, self._planning = Ticket(), Ticket()
        self.is_on = False
        self.frame: Frame | None = None
        self.seconds: float | None = None
        self.looks: tuple[Look, ...] = ()
        self.chosen = 0
        self.problem: Problem | None = None
        self.changed = Observers()
        upscale.changed.add(self._on_settings)

    @property
    def progress(self) -> ProgressModel | None:
        """Of the look that is under way."""
        return self._job.progress

    @property
    def source(self) -> Size:
        """Size of the picture."""
        return self._upscale.source

    @property
    def result(self) -> Size:
        """Size of the result, as it is chosen."""
        return self._upscale.result

    @property
    def window(self) -> Window | None:
        """The frame in pixels of the result as it is chosen."""
        if self.frame is None:
            return None
        return self.frame.window(self.source, self._upscale.result)

    @property
    def current(self) -> Look | None:
        """The look that is seen."""
        return next((look for look in self.looks if look.number == self.chosen), None)

    @property
    def running(self) -> Frame | None:
        """Where the look is that is under way."""
        return None if self._asked is None else self._asked.frame

    @property
    def is_stale(self) -> bool:
        """Whether the look that is seen is not what the settings would give."""
        current = self.current
        return current is not None and current.settings != self._settings

    @property
    def is_due(self) -> bool:
        """Whether a look would show something that the one that is seen does not."""
        current = self.current
        return current is None or self.is_stale or current.window != self.window

    @property
    def can_start(self) -> bool:
        """Whether a look can be asked for."""
        return self.is_on and self.frame is not None and self._asked is None

    def toggle(self, is_on: bool) -> None:
        """Take the loupe or put it away; looks stay for the next time."""
        if is_on is self.is_on:
            return
        self.is_on = is_on
        if is_on and self.frame is None:
            middle = self.source.width / 2, self.source.height / 2
            self.frame = first_frame(*middle, self.source, self._upscale.result)
        if is_on:
            self._cost_later(0)
        else:
            self.cancel()
        self.changed.tell()

    def hold(self, frame: Frame) -> None:
        """Hold the loupe somewhere else."""
        if frame != self.frame:
            self.frame = frame
            self.problem = None
            self._cost_later(COST_DELAY_MS)
            self.changed.tell()

    def start(self) -> None:
        """Ask for a look with the settings as they are; the seed stays from now on.

        With another seed the result would not be what was seen.
        """
        if not self.can_start:
            return
        choices = self._upscale.choices
        if not choices.seed_is_locked:
            self._upscale.change(replace(choices, seed_is_locked=True))
        frame, window = self.frame, self.window
        assert frame is not None  # can_start
        assert window is not None
        self._asked = _Asked(frame, window, self._upscale.choices, self._settings)
        self.problem = None
        self.changed.tell()
        request = self._asked.request(self._title)
        self._job.start(request, self._on_submitted, self._on_job_ended, self._end)

    def cancel(self) -> None:
        """Give up the look that is under way."""
        if self._asked is not None:
            self._job.cancel()
            self._end(None)

    def look_at(self, number: int) -> None:
        """See another look again."""
        if any(look.number == number for look in self.looks):
            self.chosen = number
            self.changed.tell()

    def step(self, by: int) -> None:
        """See the look before or after."""
        numbers = [look.number for look in self.looks]
        if self.chosen in numbers:
            self.look_at(numbers[(numbers.index(self.chosen) + by) % len(numbers)])

    def close(self) -> None:
        """Ask nothing any more."""
        self._waiting.cancel()
        self._planning.cancel()
        self.cancel()

    @property
    def _settings(self) -> UpscaleSettings:
        return self._upscale.choices.settings(self.source)

    # The cost

    def _on_settings(self) -> None:
        if self.is_on and self._request() != self._costed:
            self._cost_later(COST_DELAY_MS)
        if self.is_on or self.looks:
            self.changed.tell()

    def _request(self) -> PlanRequest:
        size = self.source
        return PlanRequest(size.width, size.height, self._settings, self.window)

    def _cost_later(self, delay_ms: int) -> None:
        self._costed, self.seconds = self._request(), None
        self._waiting.cancel()
        self._planning.cancel()
        self._waiting = self._later(delay_ms, self._ask_cost)

    def _ask_cost(self) -> None:
        if self.is_on:
            self._costed = self._request()
            self._planning = self._gateway.call(
                self._on_cost, self._on_no_cost, Client.plan, self._costed
            )

    def _on_cost(self, plan: PlanInfo) -> None:
        self.seconds = plan.seconds
        self.problem = plan.problem
        self.changed.tell()

    def _on_no_cost(self, problem: Problem) -> None:
        self.problem = problem
        self.changed.tell()

    # The look

    def _on_submitted(self, progress: ProgressModel) -> None:
        progress.changed.add(self.changed.tell)
        self.changed.tell()

    def _on_job_ended(self, progress: ProgressModel) -> None:
        if progress.state is JobState.DONE:
            self._job.fetch(self._on_result, self._end)
        else:
            self._end(progress.problem)

    def _on_result(self, picture: Picture) -> None:
        asked = self._asked
        if asked is None:
            return
        number = 1 + (self.looks[-1].number if self.looks else 0)
        result = asked.choices.extent.result(self.source)
        frame = frame_of(asked.window, self.source, result)
        look = Look(number, frame, asked.window, asked.choices, asked.settings, picture.raster)
        self.looks = (*self.looks, look)[-LOOKS_KEPT:]
        self.chosen = number
        self._end(None)

    def _end(self, problem: Problem | None) -> None:
        """Be through with the look that was under way."""
        self._job.leave()
        self._asked, self.problem = None, problem
        self.changed.tell()
