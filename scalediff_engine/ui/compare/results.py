"""The results of a session: fetched from the engine, kept as tries, measured against the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalediff_engine.client.client import Client
from scalediff_engine.client.messages import JobInfo
from scalediff_engine.ui.compare import drift
from scalediff_engine.ui.compare.drift import Drift
from scalediff_engine.ui.gateway import Failed, Gateway
from scalediff_engine.ui.picture import Picture
from scalediff_engine.ui.raster import Raster
from scalediff_engine.ui.upscale.choices import Choices
from scalediff_engine.ui.workers import Ticket, Workers

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
            lambda ticket: drift.measure(before, after, lambda: not ticket.is_cancelled),
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
