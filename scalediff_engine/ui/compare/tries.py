"""The tries of a session: what was made, with which settings, and which one is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from scalediff_engine.client.messages import JobInfo
from scalediff_engine.ui.compare.drift import Drift
from scalediff_engine.ui.picture import Picture
from scalediff_engine.ui.upscale.choices import Choices

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
