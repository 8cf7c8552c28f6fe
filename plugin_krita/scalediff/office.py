"""Takes orders and sees them through; whatever is seen or asked goes through a ``Screen``."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional, Protocol

from .api import Application, Document
from .client.client import Client
from .client.environment import display_variables
from .client.messages import Problem, UpscaleSettings
from .inserting import Inserted, Means
from .layers import find
from .order import Closed, End, Order, Refused, Wish, whole_source
from .plugin_common import errand
from .plugin_common.errand import Dropped, Errand, Fetched, LeftRunning, Manner, Material, Option
from .plugin_common.placement import Canvas
from .plugin_common.words import Words
from .recipes import recipe_of
from .remembered import Last, latest, recall, remember
from .scratch import CannotConvert
from .spaces import header_for
from .taking import CannotTake, Origin, Taken, take

HOST = "krita"
_CHOICES = (Canvas.KEEP, Canvas.GROW, Canvas.SCALE, Canvas.NEW)
# What a result has no source for cannot be laid over it.
_CHOICES_WITHOUT_SOURCE = (Canvas.KEEP, Canvas.GROW, Canvas.NEW)


class Screen(Protocol):
    """What the user sees and hears."""

    def refuse(self, sentence: str) -> None:
        """Say why something cannot be done."""
        ...

    def trouble(self, problem: Problem) -> None:
        """Say what went wrong, and what can be done."""
        ...

    def note(self, sentence: str) -> None:
        """Say something in passing."""
        ...

    def show(self, document: Document) -> None:
        """Show a new document."""
        ...

    def theme(self) -> str:
        """Give ``dark`` or ``light``, as Krita is."""
        ...


@dataclass(frozen=True)
class Setting:
    """Where an office is.

    Attributes:
        means: of insertion
        connect: finds or starts the engine, in a thread
        screen: what the user sees
        words: the user's language
        environ: Krita's variables
    """

    means: Means
    connect: Callable[[], Client]
    screen: Screen
    words: Words
    environ: Mapping[str, str]

    @property
    def app(self) -> Application:
        """Krita."""
        return self.means.app


class Office:
    """All orders.

    Attributes:
        orders: under way
        on_change: called when there is one more or one less

    Args:
        setting: where it is
    """

    def __init__(self, setting: Setting) -> None:
        self.orders: list[Order] = []
        self.on_change: Callable[[], None] = lambda: None
        self._setting = setting
        self._words = setting.words

    def upscale(self) -> None:
        """Open the dialog about the selection of the active layer, or about all of it."""
        self._guarded(lambda: self._ask(self._taken(), Wish.LAYER))

    def upscale_image(self) -> None:
        """Open the dialog about the image as it is seen."""
        self._guarded(lambda: self._ask(self._taken(visible=True), Wish.IMAGE))

    def in_place(self) -> None:
        """Open the dialog; the result comes at the size of its source."""
        self._guarded(lambda: self._ask(self._taken(), Wish.IN_PLACE))

    def repeat(self) -> None:
        """Upscale as the last time, without a dialog; with one if there was no last time."""
        self._guarded(self._repeat)

    def recent(self) -> None:
        """Open the dialog that has the results of the last day."""
        document = self._setting.app.activeDocument()
        if document is None:
            self._refuse(CannotTake("No document is open. Open an image and try again."))
            return
        options = self._options(_CHOICES_WITHOUT_SOURCE, Canvas.KEEP)
        asked = errand.recent(self._setting.connect, self._manner(options))

        def found(fetched: Fetched) -> Optional[Origin]:
            area = whole_source(fetched)
            return Origin(document, "", fetched.job.title or "ScaleDiff", area, None)

        title = self._words("Recent results")
        self._add(Order(self._setting.means, asked, found, title, Wish.RECENT))

    def rerun(self) -> None:
        """Open the dialog with the recipe of the active layer, about what it was made of."""
        self._guarded(self._rerun)

    def cancel_all(self) -> None:
        """Give everything up."""
        for order in self.orders:
            order.cancel()

    def tick(self) -> None:
        """Go on a little with everything."""
        for order in list(self.orders):
            end = order.tick()
            if end is not None:
                self.orders.remove(order)
                self._ended(order, end)
                self.on_change()

    def _repeat(self) -> None:
        done = latest(self._setting.app)
        wish = Wish(done) if done in {one.value for one in Wish} else Wish.LAYER
        last = recall(self._setting.app, wish.settings_name)
        taken = self._taken(visible=wish is Wish.IMAGE)
        if last is None:
            self._ask(taken, wish)
            return
        settings, options = last.settings, {Option.CANVAS: last.canvas.value}
        self._order(
            taken,
            wish,
            lambda material: errand.upscale(self._setting.connect, material, settings, options),
        )

    def _rerun(self) -> None:
        document = self._document()
        node = document.activeNode()
        recipe = None if node is None else recipe_of(document, node)
        if node is None or recipe is None:
            name = "" if node is None else node.name()
            raise CannotTake(
                "“{name}” has no recipe: ScaleDiff did not make it, or it is a copy.",
                name=name,
            )
        if recipe.canvas is Canvas.SCALE:
            raise CannotTake(
                "The image was scaled when “{name}” was made, so its source is not here at "
                "its size any more. Undo the scaling, or upscale the layer itself.",
                name=node.name(),
            )
        if not recipe.source_id:
            raise CannotTake(
                "“{name}” was not made of a layer, so it cannot be made again by itself. Hide it "
                "and upscale the visible image.",
                name=node.name(),
            )
        source = find(document, recipe.source_id)
        if source is None:
            raise CannotTake(
                "“{name}” was made of “{source}”, which is not a layer of this document.",
                name=node.name(),
                source=recipe.source,
            )
        taken = take(self._setting.app, document, node=source, area=recipe.area)
        wish = Wish.IN_PLACE if recipe.canvas is Canvas.IN_PLACE else Wish.LAYER
        self._ask(taken, wish, recipe.settings)

    def _ask(self, taken: Taken, wish: Wish, settings: Optional[UpscaleSettings] = None) -> None:
        """Open the dialog about something."""
        last = recall(self._setting.app, wish.settings_name)
        if wish is Wish.IN_PLACE:
            options = self._options((), Canvas.IN_PLACE)
            if settings is None:
                settings = UpscaleSettings() if last is None else last.settings
                # locked to its source, the result would be the source again when it is shrunk
                settings = replace(settings, source_lock=False)
        else:
            options = self._options(_CHOICES, Canvas.KEEP if last is None else last.canvas)
        manner = self._manner(options, settings)
        self._order(
            taken,
            wish,
            lambda material: errand.dialog(self._setting.connect, material, manner),
        )

    def _order(self, taken: Taken, wish: Wish, ask: Callable[[Material], Errand]) -> None:
        """Read what is taken, and ask about it."""

        def beginning() -> Generator[None, None, Errand]:
            samples = yield from taken.reading
            return ask(self._material(taken, samples))

        means, origin = self._setting.means, taken.origin
        self._add(Order(means, beginning(), origin, origin.name, wish))

    def _taken(self, *, visible: bool = False) -> Taken:
        return take(self._setting.app, self._document(), visible=visible)

    def _document(self) -> Document:
        document = self._setting.app.activeDocument()
        if document is None:
            raise CannotTake("No document is open. Open an image and try again.")
        return document

    def _material(self, taken: Taken, samples: Any) -> Material:  # noqa: ANN401 - any buffer
        area = taken.origin.area
        icc = self._setting.means.profiles.bytes_of(taken.space)
        header = header_for(taken.space, area.width, area.height)
        return Material(header, samples, icc, taken.origin.name)

    def _options(self, choices: tuple[Canvas, ...], begun: Canvas) -> dict[str, str]:
        options = {
            Option.CANVAS: begun.value,
            Option.THEME: self._setting.screen.theme(),
            Option.LANGUAGE: self._words.language,
        }
        if choices:
            options[Option.CANVAS_CHOICES] = ",".join(choice.value for choice in choices)
        return options

    def _manner(
        self, options: dict[str, str], settings: Optional[UpscaleSettings] = None
    ) -> Manner:
        return Manner(HOST, settings, display_variables(self._setting.environ), options)

    def _add(self, order: Order) -> None:
        self.orders.append(order)
        self.on_change()

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except CannotTake as reason:
            self._refuse(reason)
        except CannotConvert as error:
            self._refuse(CannotTake("Krita has no such colour space: {error}.", error=error))

    def _refuse(self, reason: CannotTake) -> None:
        self._setting.screen.refuse(self._words(reason.text, **reason.values))

    def _ended(self, order: Order, end: End) -> None:
        screen, words = self._setting.screen, self._words
        if isinstance(end, Inserted):
            if order.fetched is not None and order.wish is not Wish.RECENT:
                last = Last(order.fetched.job.settings, order.canvas)
                remember(self._setting.app, order.wish.settings_name, last, order.wish.value)
            if end.document is not None:
                screen.show(end.document)
            elif end.undo_steps > 1:
                screen.note(
                    words(
                        "“{name}” is there. Undo twice: the layer, then the canvas.",
                        name=end.name,
                    )
                )
            else:
                screen.note(words("“{name}” is there.", name=end.name))
        elif isinstance(end, Closed):
            screen.note(
                words(
                    "The document of “{name}” is closed. Its result is kept for a day: "
                    "Insert Recent Result has it.",
                    name=end.name,
                )
            )
        elif isinstance(end, LeftRunning):
            screen.note(
                words(
                    "“{name}” goes on by itself. Insert Recent Result will have it.",
                    name=order.title,
                )
            )
        elif isinstance(end, Refused):
            self._refuse(end.reason)
        elif not isinstance(end, Dropped):
            screen.trouble(end.problem)
