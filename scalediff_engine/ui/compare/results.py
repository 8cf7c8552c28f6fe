"""The results of a session: fetched, kept, and measured against the source in threads.

The difference is that of the source and the result scaled back to its size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import JobInfo
from scalediff_engine.ui import picture
from scalediff_engine.ui.gateway import Failed, Gateway
from scalediff_engine.ui.picture import NotWanted, Picture, Pixels8, Raster, always
from scalediff_engine.ui.upscale.choices import Choices
from scalediff_engine.ui.workers import Ticket, Workers

_BAND_PIXELS = 1 << 18
# Of 255; what is further off is painted like this.
FULL_HEAT = 16.0
# Smaller differences are invisible; rounding to 8 bits alone causes half a level.
_SILENT = 2.0


@dataclass(frozen=True)
class Drift:
    """The difference between a source and its result scaled back.

    Attributes:
        heat: for painting over the picture; one pixel for each of the source
        mean, most: of 255; ``most`` is what 99.9 % of the pixels stay below
    """

    heat: Raster
    mean: float
    most: float


def measure(source: Pixels8, result: Pixels8, is_wanted: Callable[[], bool] = always) -> Drift:
    """Compare a result with its source.

    Args:
        source, result: (h, w, 4) blue, green, red, alpha
        is_wanted: asked now and then

    Raises:
        NotWanted: it is not.
    """
    height, width, _ = source.shape
    difference = np.empty((height, width), np.float32)
    rows = max(1, _BAND_PIXELS * height // max(1, result.shape[0] * result.shape[1]))
    for top in range(0, height, rows):
        if not is_wanted():
            raise NotWanted
        bottom = min(height, top + rows)
        back = shrunk_rows(result, (height, width), top, bottom)
        wanted = source[top:bottom].astype(np.float32)
        difference[top:bottom] = np.abs(back - wanted).max(axis=2)
    most = float(np.quantile(difference, 0.999))
    return Drift(_painted(difference, is_wanted), float(difference.mean()), most)


def shrunk_rows(
    picture: Pixels8, shape: tuple[int, int], top: int, bottom: int
) -> NDArray[np.float32]:
    """Give rows of a picture scaled down by averaging areas; edges may cut pixels in two.

    Args:
        picture: (h, w, c)
        shape: height and width that the whole is scaled to
        top, bottom: which rows of that are wanted

    Returns:
        (bottom - top, width, c)
    """
    ratio = picture.shape[0] / shape[0]
    first = int(np.floor(top * ratio + 1e-9))
    last = min(picture.shape[0], int(np.ceil(bottom * ratio - 1e-9)))
    band = picture[first:last].astype(np.float32)
    edges = np.arange(top, bottom + 1) * ratio - first
    narrow = _averaged(band, edges)
    across = np.arange(shape[1] + 1) * (picture.shape[1] / shape[1])
    return _averaged(narrow.swapaxes(0, 1), across).swapaxes(0, 1)


def _averaged(values: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Average along the first axis between each two neighbouring edges."""
    count = values.shape[0]
    sums = np.zeros((count + 1, *values.shape[1:]), np.float64)
    np.cumsum(values, axis=0, dtype=np.float64, out=sums[1:])
    edges = np.clip(edges, 0, count)
    whole = np.minimum(edges.astype(np.int64), count - 1)
    part = (edges - whole).reshape(-1, *([1] * (values.ndim - 1)))
    integral = sums[whole] + part * values[whole]
    widths = np.diff(edges).reshape(part[1:].shape)
    return (np.diff(integral, axis=0) / widths).astype(np.float32)


def _painted(difference: NDArray[np.float32], is_wanted: Callable[[], bool]) -> Raster:
    """Paint it: nothing where nothing is to be seen, then yellow, orange, red."""
    heat = np.clip((difference - _SILENT) / (FULL_HEAT - _SILENT), 0.0, 1.0)
    alpha = 0.9 * np.sqrt(heat)
    pixels = np.empty((*difference.shape, 4), np.uint8)
    pixels[..., 0] = 0
    pixels[..., 1] = (alpha * 255 * (0.9 * (1 - heat))).astype(np.uint8)
    pixels[..., 2] = (alpha * 255).astype(np.uint8)
    pixels[..., 3] = (alpha * 255).astype(np.uint8)
    return picture.build(pixels, has_alpha=True, is_wanted=is_wanted)


# Large pictures fill the memory; those before can be fetched once more.
PICTURES_KEPT = 2


@dataclass(frozen=True)
class Try:
    """One result.

    Attributes:
        number: 1, 2, 3, ...
        job: as it ended; its recipe says how the result was made
        choices: what it was asked for with
        picture: none = to be fetched again
        drift: none = not measured yet
    """

    number: int
    job: JobInfo
    choices: Choices
    picture: Picture | None = None
    drift: Drift | None = None


@dataclass(frozen=True)
class Tries:
    """All of them; a change is a new value.

    Attributes:
        all: the oldest first
        chosen: number of the one that is looked at; 0 = there is none
        recent: numbers of those with pictures, the one that was looked at last at the end
    """

    all: tuple[Try, ...] = ()
    chosen: int = 0
    recent: tuple[int, ...] = ()

    @property
    def current(self) -> Try | None:
        """The one that is looked at."""
        return next((found for found in self.all if found.number == self.chosen), None)

    def add(self, job: JobInfo, choices: Choices, picture: Picture) -> Tries:
        """Take a new one in, and look at it."""
        number = len(self.all) + 1
        return Tries((*self.all, Try(number, job, choices)), self.chosen, self.recent).with_picture(
            number, picture
        )

    def look_at(self, number: int) -> Tries:
        """Look at another one."""
        recent = self.recent
        if number in recent:
            recent = (*(one for one in recent if one != number), number)
        return Tries(self.all, number, recent)

    def with_picture(self, number: int, picture: Picture) -> Tries:
        """Put a picture to its try, look at it, and let old pictures go."""
        recent = (*(one for one in self.recent if one != number), number)[-PICTURES_KEPT:]
        found = tuple(
            Try(
                one.number,
                one.job,
                one.choices,
                picture if one.number == number else one.picture if one.number in recent else None,
                one.drift if one.number in recent else None,
            )
            for one in self.all
        )
        return Tries(found, number, recent)

    def with_drift(self, number: int, drift: Drift) -> Tries:
        """Put what was measured to its try."""
        found = tuple(
            Try(one.number, one.job, one.choices, one.picture, drift)
            if one.number == number
            else one
            for one in self.all
        )
        return Tries(found, self.chosen, self.recent)


class Results:
    """Fetches what was made, one at a time, and keeps it.

    Args:
        gateway: to the engine
        workers: threads, for what is reckoned here
        changed: called when there is something else to be seen

    Attributes:
        tries: what was made
    """

    def __init__(
        self, gateway: Gateway, workers: Workers | None, changed: Callable[[], None]
    ) -> None:
        self._gateway = gateway
        self._workers = workers
        self._changed = changed
        self._fetching = Ticket()
        self._measuring = Ticket()
        self.tries = Tries()

    def fetch(
        self, job_id: str, choices: Choices, done: Callable[[], None], failed: Failed
    ) -> None:
        """Fetch the result of a job that is done, as a new try.

        Args:
            job_id: of the job
            choices: what it was asked for with
            done: called when it is there
            failed: gets the reason why it is not
        """

        def on_job(job: JobInfo) -> None:
            def on_result(picture: Picture) -> None:
                self.tries = self.tries.add(job, choices, picture)
                done()

            self._fetching = self._gateway.result(job.id, on_result, failed)

        self._fetching.cancel()
        self._fetching = self._gateway.call(on_job, failed, Client.job, job_id)

    def look_at(self, number: int, failed: Failed) -> None:
        """Look at another try; its picture is fetched again if it had to make way."""
        self.tries = self.tries.look_at(number)
        current = self.tries.current
        if current is not None and current.picture is None:

            def on_result(picture: Picture) -> None:
                if self.tries.chosen == number:
                    self.tries = self.tries.with_picture(number, picture)
                    self._changed()

            self._fetching.cancel()
            self._fetching = self._gateway.result(current.job.id, on_result, failed)
        self._changed()

    def measure_drift(self, source: Raster) -> None:
        """Measure how far the try that is looked at has drifted, unless that is known."""
        current, workers = self.tries.current, self._workers
        if workers is None or current is None:
            return
        if current.picture is None or current.drift is not None:
            return
        before, after = source.arrays[0], current.picture.raster.arrays[0]
        number = current.number

        def done(found: Drift) -> None:
            self.tries = self.tries.with_drift(number, found)
            self._changed()

        self._measuring.cancel()
        self._measuring = workers.run(
            lambda ticket: measure(before, after, lambda: not ticket.is_cancelled),
            done,
            lambda _: None,
        )

    def give_up(self) -> None:
        """Fetch no more."""
        self._fetching.cancel()

    def close(self) -> None:
        """Let go of everything that is under way."""
        self._fetching.cancel()
        self._measuring.cancel()
