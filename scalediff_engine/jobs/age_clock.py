"""A clock for the age of files that a wrong system clock cannot mislead."""

from __future__ import annotations

import sys
import time

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
