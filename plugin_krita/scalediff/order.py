"""One upscale that somebody waits for, from the errand to the layer."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Optional, Union

from .hosts.errand import (
    Begun,
    Dropped,
    Errand,
    Failed,
    Fetched,
    LeftRunning,
    News,
    Option,
    Phase,
    Working,
)
from .hosts.placement import Canvas, Rect
from .inserting import DocumentClosed, Inserted, Means, insertion
from .taking import CannotTake, Origin
from .wire.messages import JobProgress


class Wish(str, Enum):
    """What an order is; the value is the name that its settings are remembered by."""

    LAYER = "layer"
    IN_PLACE = "in-place"
    RECENT = "recent"  # a result that is there already


@dataclass(frozen=True)
class Closed:
    """The end: the result has no document any more; it is among the recent ones."""

    name: str


@dataclass(frozen=True)
class Refused:
    """The end: the result cannot become a layer here, and why."""

    reason: CannotTake


# How an order can end.
End = Union[Inserted, Closed, Refused, Dropped, LeftRunning, Failed]
# Gives where a result goes that is of no layer here; none = there is no document.
FindPlace = Callable[[Fetched], Optional[Origin]]


class Order:
    """An order; ``tick`` is called again and again until it gives the end.

    Attributes:
        title: what people know it by
        phase: what it is about
        progress: of its job, where that is known
        wish: what it is
        fetched: the result, once it is there

    Args:
        means: of insertion
        errand: under way
        place: where the result goes, or what finds that out when it is there
        title: see above
        wish: see above
    """

    def __init__(
        self,
        means: Means,
        errand: Errand,
        place: Union[Origin, FindPlace],
        title: str,
        wish: Wish = Wish.LAYER,
    ) -> None:
        self.title = title
        self.phase = Phase.STARTING
        self.progress: Optional[JobProgress] = None
        self.wish = wish
        self.fetched: Optional[Fetched] = None
        self._means = means
        self._errand = errand
        self._place = place
        self._insertion: Optional[Generator[None, None, Inserted]] = None

    @property
    def canvas(self) -> Canvas:
        """What becomes of the document, as the dialog said."""
        chosen = "" if self.fetched is None else self.fetched.options.get(Option.CANVAS, "")
        return Canvas(chosen) if chosen in {one.value for one in Canvas} else Canvas.KEEP

    def cancel(self) -> None:
        """Give up; the end comes by ``tick``. A layer that is just being put in comes."""
        self._errand.cancel()

    def tick(self) -> Optional[End]:
        """Go on a little; give the end, or none."""
        if self._insertion is not None:
            return self._insert()
        for news in self._errand.news():
            end = self._heard(news)
            if end is not None:
                return end
        return None

    def _heard(self, news: News) -> Optional[End]:
        if isinstance(news, Begun):
            self.phase = news.phase
        elif isinstance(news, Working):
            self.progress = news.progress
        elif isinstance(news, Fetched):
            self.fetched = news
            return self._begin_insertion(news)
        else:
            return news
        return None

    def _begin_insertion(self, fetched: Fetched) -> Optional[End]:
        origin = self._place if isinstance(self._place, Origin) else self._place(fetched)
        if origin is None:
            return Closed(fetched.job.title)
        self._insertion = insertion(self._means, origin, fetched, self.canvas)
        return None

    def _insert(self) -> Optional[End]:
        assert self._insertion is not None
        try:
            next(self._insertion)
        except StopIteration as done:
            end: Inserted = done.value
            return end
        except DocumentClosed:
            return Closed(self.title)
        except CannotTake as reason:
            return Refused(reason)
        return None


def whole_source(fetched: Fetched) -> Rect:
    """Give the area of a result's source, where nobody knows where it was."""
    return Rect(0, 0, fetched.job.source_width, fetched.job.source_height)
