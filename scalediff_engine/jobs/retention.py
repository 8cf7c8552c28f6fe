"""What in the spool has lain there long enough, by a clock that cannot be misled."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable
from enum import Enum
from typing import NamedTuple

from scalediff_engine.client.messages import JobInfo

# A difference between the system clock and the time that has passed; more is a jump.
_JUMP_SECONDS = 60.0
# An engine that has something to do lives longer, so that all that is old does go some day.
SETTLE_SECONDS = 1200.0


class AgeClock:
    """Says by which moment ages are measured.

    The moment advances no faster than the machine runs: a system clock that is set two days ahead
    makes nothing two days older. Right after the start, or a jump, there is no moment at all: the
    clock may be wrong, and there is time to set it right.
    """

    def __init__(self) -> None:
        self._moment = self._clock = self._uptime = 0.0
        self._settled_at: float | None = None

    def moment(self, clock: float, uptime: float) -> float | None:
        """Return the moment in seconds since 1970; None = no age can be told now.

        Args:
            clock: what the system clock says, in seconds since 1970
            uptime: seconds that never jump, see ``machine_seconds``
        """
        passed = uptime - self._uptime
        if self._settled_at is None:
            self._moment, self._settled_at = clock, uptime + SETTLE_SECONDS
        else:
            self._moment = min(clock, self._moment + passed)
            if abs(clock - self._clock - passed) > _JUMP_SECONDS:
                self._settled_at = uptime + SETTLE_SECONDS
        self._clock, self._uptime = clock, uptime
        return self._moment if uptime >= self._settled_at else None


def machine_seconds() -> float:
    """Return the seconds since some moment; they pass while the machine sleeps, too."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # there, Python's own stops in sleep
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class Kind(Enum):
    """What lies in the spool."""

    IMAGE = "image"
    PART = "part"
    JOB = "job"


class Lying(NamedTuple):
    """Something in the spool.

    Attributes:
        kind: what it is
        id: of the image or the job
        modified_at: seconds since 1970
    """

    kind: Kind
    id: str
    modified_at: float


def overdue(
    found: Iterable[Lying],
    now: float,
    *,
    live_images: Collection[str],
    jobs: Collection[str],
    upload_seconds: float,
    orphan_seconds: float,
) -> list[Lying]:
    """Choose what nobody will want any more.

    Args:
        found: all that lies there; parts only of uploads that are dead
        now: seconds since 1970
        live_images: uploads that somebody may still want
        jobs: all jobs that are known
        upload_seconds: age at which an upload goes that is not live
        orphan_seconds: age at which the folder of an unknown job goes
    """

    def goes(lying: Lying) -> bool:
        age_seconds = now - lying.modified_at
        match lying.kind:
            case Kind.PART:
                return True
            case Kind.IMAGE:
                return lying.id not in live_images and age_seconds > upload_seconds
            case Kind.JOB:
                return lying.id not in jobs and age_seconds > orphan_seconds

    return [lying for lying in found if goes(lying)]


def expired_jobs(jobs: Iterable[JobInfo], now: float, result_seconds: float) -> list[str]:
    """Choose the jobs that ended so long ago that they are forgotten, with their results."""
    return [job.id for job in jobs if job.state.is_final and now - job.updated_at > result_seconds]
