"""What a search has found so far: pictures as rows, and what is left aside, counted."""

from __future__ import annotations

from collections import Counter

from scalediff_engine.batch.folder_scan import Entry, Portion, Skip, SkipReason
from scalediff_engine.ui.folder.rows import Rows

# More than anybody reads; the counts go on.
MOST_SKIPS = 5000


class Found:
    """See above.

    Attributes:
        rows: the pictures
        skips: what is left aside, at most ``MOST_SKIPS``
        counts: of all that is left aside
    """

    def __init__(self) -> None:
        self.rows = Rows()
        self.skips: list[Skip] = []
        self.counts: Counter[SkipReason] = Counter()

    @property
    def skipped(self) -> int:
        """How much is left aside."""
        return self.counts.total()

    def take(self, portion: Portion) -> None:
        """Take what was found since."""
        self.rows.append(portion.entries)
        self.counts.update(skip.reason for skip in portion.skips)
        self.skips += portion.skips[: MOST_SKIPS - len(self.skips)]

    def clear(self) -> None:
        """Begin anew."""
        self.rows.clear()
        self.skips = []
        self.counts.clear()

    def entries(self) -> tuple[Entry, ...]:
        """Give the pictures as they are now, for a thread."""
        return tuple(self.rows.entries)
