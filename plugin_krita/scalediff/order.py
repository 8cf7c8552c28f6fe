"""One upscale that somebody waits for, from the errand to the layer."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Optional, Union

from .client.messages import JobProgress
from .inserting import DocumentClosed, Inserted, Means, SourceChanged, insertion
from .layers import is_open
from .plugin_common.errand import (
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
from .plugin_common.placement import Canvas, Rect
from .scratch import CannotConvert
from .taking import CannotTake, Origin


class Wish(str, Enum):
    """What an order is."""

    LAYER = "layer"
    IMAGE = "image"  # as it is seen
    IN_PLACE = "in-place"
    RECENT = "recent"  # a result that is there already

    @property
    def settings_name(self) -> str:
        """What its settings are remembered by."""
        return "in-place" if self is Wish.IN_PLACE else "layer"


class Answer(Enum):
    """Where a result goes whose source was changed meanwhile."""

    HERE = "here"  # where the source seems to be; the image is not scaled
    NEW = "new"  # a document
    NOWHERE = "nowhere"


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
# Reads the pixels and begins an errand about them.
Beginning = Generator[None, None, Errand]
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
        question: that the user must `answer` before it goes on; none = there is none

    Args:
        means: of insertion
        errand: under way, or what begins it; the first step of that is done here
        place: where the result goes, or what finds that out when it is there
        title: see above
        wish: see above

    Raises:
        CannotTake: there are no pixels.
        CannotConvert: Krita lacks their colour space.
    """

    def __init__(
        self,
        means: Means,
        errand: Union[Errand, Beginning],
        place: Union[Origin, FindPlace],
        title: str,
        wish: Wish = Wish.LAYER,
    ) -> None:
        self.title = title
        self.phase = Phase.STARTING
        self.progress: Optional[JobProgress] = None
        self.wish = wish
        self.fetched: Optional[Fetched] = None
        self.question: Optional[SourceChanged] = None
        self._means = means
        self._place = place
        self._given_up = False
        self._errand: Optional[Errand] = None
        self._beginning: Optional[Beginning] = None
        self._insertion: Optional[Generator[None, None, Inserted]] = None
        if isinstance(errand, Generator):
            self._beginning = errand
            self._begin()
        else:
            self._errand = errand

    @property
    def origin(self) -> Optional[Origin]:
        """Where its pixels are from; none = it has none."""
        return self._place if isinstance(self._place, Origin) else None

    @property
    def canvas(self) -> Canvas:
        """What becomes of the document, as the dialog said."""
        chosen = "" if self.fetched is None else self.fetched.options.get(Option.CANVAS, "")
        return Canvas(chosen) if chosen in {one.value for one in Canvas} else Canvas.KEEP

    def cancel(self) -> None:
        """Give up; the end comes by ``tick``, and the document is as it was."""
        self._given_up = True
        if self._errand is not None:
            self._errand.cancel()

    def answer(self, answer: Answer) -> None:
        """Go on after a question."""
        if self.question is None or self.fetched is None:
            return
        self.question = None
        if answer is Answer.NOWHERE:
            self._given_up = True
        canvas = Canvas.NEW if answer is Answer.NEW else self.canvas
        if answer is Answer.HERE and canvas is Canvas.SCALE:
            canvas = Canvas.KEEP
        self._begin_insertion(self.fetched, canvas, anyway=True)

    def tick(self) -> Optional[End]:
        """Go on a little; give the end, or none."""
        try:
            return self._go_on()
        except SourceChanged as question:
            self.question, self._insertion = question, None
            return None
        except DocumentClosed:
            return Closed(self.title)
        except CannotTake as reason:
            return Refused(reason)
        except CannotConvert as error:
            return Refused(CannotTake("Krita has no such colour space: {error}.", error=error))
        except Exception as error:  # noqa: BLE001 - or it would be under way for ever
            return Refused(self._unexpected(error))

    def _go_on(self) -> Optional[End]:
        for steps in (self._beginning, self._insertion):
            if steps is not None and self._given_up:
                steps.close()
                return Dropped()
        if self.question is not None:
            if self.origin is not None and not is_open(self._means.app, self.origin.document):
                raise DocumentClosed
            return Dropped() if self._given_up else None
        if self._insertion is not None:
            return self._insert()
        if self._beginning is not None:
            self._begin()
        if self._errand is None:
            return None
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
            if self._given_up:
                return Dropped()
            self.fetched = news
            return self._begin_insertion(news, self.canvas)
        else:
            return news
        return None

    def _begin(self) -> None:
        assert self._beginning is not None
        try:
            next(self._beginning)
        except StopIteration as done:
            self._errand, self._beginning = done.value, None

    def _begin_insertion(
        self, fetched: Fetched, canvas: Canvas, *, anyway: bool = False
    ) -> Optional[End]:
        origin = self._place if isinstance(self._place, Origin) else self._place(fetched)
        if origin is None:
            return Closed(fetched.job.title)
        self._insertion = insertion(self._means, origin, fetched, canvas, anyway=anyway)
        return None

    def _insert(self) -> Optional[End]:
        assert self._insertion is not None
        try:
            next(self._insertion)
        except StopIteration as done:
            end: Inserted = done.value
            return end
        return None

    def _unexpected(self, error: Exception) -> CannotTake:
        why = str(error) or type(error).__name__
        if self.fetched is None:
            return CannotTake("“{name}” could not be read: {why}.", name=self.title, why=why)
        return CannotTake(
            "The result of “{name}” could not be put in: {why}. It is kept for a day: "
            "Insert Recent Result has it.",
            name=self.title,
            why=why,
        )


def whole_source(fetched: Fetched) -> Rect:
    """Give the area of a result's source, where nobody knows where it was."""
    return Rect(0, 0, fetched.job.source_width, fetched.job.source_height)
