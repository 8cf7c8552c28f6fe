"""Time left that does not jump: what is shown goes after what is estimated, and never leaps.

A count-down is believed if it takes a second for a second. Where the estimate is another, it runs
a little faster or slower, or stands still, until the two are one.
"""

from __future__ import annotations

# Half of the way to a new estimate in about so long; estimates of single steps are noisy.
_TRUST_SECONDS = 4.0
_SHORTEST_CORRECTION_SECONDS = 2.0
_CORRECTION_SHARE = 0.1
# At most so many seconds of the time left are gained or lost in a second; or this share of it.
_FASTEST = 6.0
_SLOWEST = -4.0
_LARGEST_SHARE = 0.15
_TICK_SECONDS = 0.1


class SmoothedEta:
    """The seconds that are left, as they are shown."""

    def __init__(self) -> None:
        self._end_at: float | None = None
        self._told_at = 0.0
        self._shown: float | None = None
        self._shown_at = 0.0

    def tell(self, now: float, seconds_left: float | None) -> None:
        """Take an estimate; none is as if nothing was said."""
        if seconds_left is None:
            return
        end_at = now + seconds_left
        if self._end_at is None:
            self._end_at = end_at
        else:
            passed = max(0.0, now - self._told_at)
            trust = 1 - 0.5 ** (passed / _TRUST_SECONDS)
            # near the end the newest estimate is the best
            trust = max(trust, min(1.0, passed / max(seconds_left, 0.01)))
            self._end_at += trust * (end_at - self._end_at)
        self._told_at = now

    def pause(self, now: float) -> None:
        """Stop the clock; ``resume`` goes on with as much time left as there is now."""
        self.shown(now)
        self._end_at = None

    def resume(self, now: float) -> None:
        """Let the clock go on."""
        self._shown_at = now
        if self._shown is not None and self._end_at is None:
            self._end_at = now + self._shown
            self._told_at = now

    def shown(self, now: float) -> float | None:
        """Give the seconds to show; none = nothing is known yet."""
        if self._end_at is None:
            return self._shown
        if self._shown is None:
            self._shown, self._shown_at = max(0.0, self._end_at - now), now
        # in small steps, so that it comes to the same however often somebody looks
        while self._shown_at < now:
            step = min(now - self._shown_at, _TICK_SECONDS)
            goal = max(0.0, self._end_at - self._shown_at)
            self._shown = max(0.0, self._shown - step * self._speed(self._shown, goal))
            self._shown_at += step
        return self._shown

    @staticmethod
    def _speed(shown: float, goal: float) -> float:
        """Give how many seconds go by in a second."""
        correction = max(_SHORTEST_CORRECTION_SECONDS, _CORRECTION_SHARE * goal)
        fastest = max(_FASTEST, _LARGEST_SHARE * shown)
        slowest = min(_SLOWEST, -_LARGEST_SHARE * shown)
        return min(fastest, max(slowest, 1 + (shown - goal) / correction))


class Rounded:
    """A number of seconds in the steps that people read, which does not flicker between two."""

    def __init__(self) -> None:
        self._last: int | None = None

    def __call__(self, seconds: float) -> int:
        """Give it rounded: to 5 s, from a minute on to 10 s, from 2 minutes on to minutes."""
        step = step_of(seconds)
        last = self._last
        if last is None or step_of(last) != step or abs(seconds - last) > 0.75 * step:
            self._last = last = int(step * round(seconds / step))
        return last


def step_of(seconds: float) -> int:
    """Give what is told apart of so long a time, in seconds."""
    if seconds < 60:
        return 5
    return 10 if seconds < 120 else 60
