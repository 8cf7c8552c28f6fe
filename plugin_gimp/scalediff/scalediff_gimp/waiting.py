"""Waits for an errand and tells GIMP's status bar how it stands.

GIMP's Cancel ends this process at once; the engine then hears that nobody watches any more.
"""

from __future__ import annotations

from typing import Callable, Optional, Protocol

from .checked import Complaint, GivenUp
from .client.errors import EngineNotInstalled
from .client.messages import JobProgress
from .plugin_common.errand import (
    Begun,
    Dropped,
    Errand,
    Failed,
    Fetched,
    LeftRunning,
    Phase,
    Working,
)

_POLL_SECONDS = 0.1
_MINUTE = 60
PHASES = {
    Phase.STARTING: "Starting the engine",
    Phase.SENDING: "Sending the pixels",
    Phase.DIALOG: "Waiting for the dialog",
    Phase.WORKING: "Upscaling",
    Phase.FETCHING: "Fetching the result",
}


class Bar(Protocol):
    """The status bar."""

    def say(self, text: str) -> None:
        """Show a text."""
        ...

    def advance(self, fraction: Optional[float]) -> None:
        """Show how much is done, 0 to 1; none = that is not known, but something happens."""
        ...


class LeftAlone(Exception):
    """The job goes on without GIMP."""


class NotInstalled(Complaint):
    """There is no engine on this computer."""


def wait(errand: Errand, bar: Bar, say: Callable[..., str], which: str = "") -> Fetched:
    """Wait until a result is there.

    Args:
        errand: that fetches it
        bar: is told how it stands
        say: translates
        which: is said before it, as in "2/3: "

    Raises:
        GivenUp: the user wants none.
        LeftAlone: the user leaves the job to itself.
        Complaint: there is none, and why.
    """
    shown = ""
    while True:
        fraction: Optional[float] = None
        for news in errand.news(_POLL_SECONDS):
            if isinstance(news, Fetched):
                return news
            if isinstance(news, Dropped):
                raise GivenUp
            if isinstance(news, LeftRunning):
                raise LeftAlone
            if isinstance(news, Failed):
                raise _complaint(news)
            if isinstance(news, Begun):
                shown = say(PHASES[news.phase])
            if isinstance(news, Working):
                fraction = news.progress.fraction
                shown = f"{say(PHASES[Phase.WORKING])}: {left(news.progress, say)}"
            bar.say(f"{which}{shown}")
        bar.advance(fraction)


def left(progress: JobProgress, say: Callable[..., str]) -> str:
    """Say how far a job is."""
    percent, seconds = f"{progress.fraction:.0%}", progress.seconds_left
    if seconds is None:
        return percent
    if seconds < _MINUTE:
        return say("{percent}, {seconds} s left", percent=percent, seconds=max(1, round(seconds)))
    return say("{percent}, {minutes} min left", percent=percent, minutes=round(seconds / _MINUTE))


def _complaint(failed: Failed) -> Complaint:
    if failed.problem.code == EngineNotInstalled.code:
        return NotInstalled(failed.problem.message)
    return Complaint(failed.problem.message)
