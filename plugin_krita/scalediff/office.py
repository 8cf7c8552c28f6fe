"""Takes orders and sees them through; whatever is seen or asked goes through a ``Screen``."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional, Protocol

from .api import Application, Document, Node
from .client.client import Client
from .client.environment import display_variables
from .client.messages import Problem, UpscaleSettings
from .inserting import Blending, Inserted, Means
from .layers import find, source_place
from .order import Answer, Closed, End, Order, Refused, Wish, whole_source
from .plugin_common import errand
from .plugin_common.errand import Dropped, Errand, Fetched, LeftRunning, Manner, Material, Option
from .plugin_common.placement import Canvas, Rect, SourcePlace, default_canvas, follow
from .plugin_common.recipe import LayerRecipe
from .plugin_common.words import Words
from .recipes import recipe_of
from .remembered import latest, recall, recall_canvas, remember, remember_canvas
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

    def ask(
        self, sentence: str, answers: Mapping[Answer, str], answered: Callable[[Answer], None]
    ) -> Callable[[], object]:
        """Ask something without waiting; return what takes the question back."""
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
        environ: Krita's variables
    """

    means: Means
    connect: Callable[[], Client]
    screen: Screen
    environ: Mapping[str, str]

    @property
    def app(self) -> Application:
        """Krita."""
        return self.means.app

    @property
    def words(self) -> Words:
        """The user's language."""
        return self.means.words


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
        self._questions: dict[Order, Callable[[], object]] = {}

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
            if order.question is not None and order not in self._questions:
                self._questions[order] = self._ask_where(order, order.question)
            if end is not None:
                self.orders.remove(order)
                self._questions.pop(order, lambda: None)()
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
        options = {Option.CANVAS: self._first_choice(taken, wish).value}
        self._order(
            taken,
            wish,
            lambda material: errand.upscale(self._setting.connect, material, last, options),
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
        area = _area_now(node, recipe, source_place(document, source))
        taken = take(self._setting.app, document, node=source, area=area, is_whole=area is None)
        wish = Wish.IN_PLACE if recipe.canvas is Canvas.IN_PLACE else Wish.LAYER
        self._ask(taken, wish, recipe.settings, recipe.canvas)

    def _ask(
        self,
        taken: Taken,
        wish: Wish,
        settings: Optional[UpscaleSettings] = None,
        canvas: Optional[Canvas] = None,
    ) -> None:
        """Open the dialog about something."""
        last = recall(self._setting.app, wish.settings_name)
        if wish is Wish.IN_PLACE:
            options = self._options((), Canvas.IN_PLACE)
            if settings is None:
                settings = last or UpscaleSettings()
                # locked to its source, the result would be the source again when it is shrunk
                settings = replace(settings, source_lock=False)
        else:
            options = self._options(_CHOICES, canvas or self._first_choice(taken, wish))
        manner = self._manner(options, settings)
        self._order(
            taken,
            wish,
            lambda material: errand.dialog(self._setting.connect, material, manner),
        )

    def _first_choice(self, taken: Taken, wish: Wish) -> Canvas:
        """Return what becomes of the document unless the user chooses otherwise."""
        if wish is Wish.IN_PLACE:
            return Canvas.IN_PLACE
        return recall_canvas(self._setting.app, _default_canvas(taken.origin))

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
        self._setting.screen.note(self._words("Starting ScaleDiff..."))
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

    def _ask_where(self, order: Order, question: CannotTake) -> Callable[[], object]:
        words = self._words
        sentence = words(question.text, **question.values)
        kept = words("Insert Recent Result has it for a day.")
        answers = {
            Answer.HERE: words("Insert Here"),
            Answer.NEW: words("New Document"),
            Answer.NOWHERE: words("Do Not Insert"),
        }

        def answered(answer: Answer) -> None:
            self._questions.pop(order, None)
            order.answer(answer)

        return self._setting.screen.ask(f"{sentence}\n\n{kept}", answers, answered)

    def _remember(self, order: Order, settings: UpscaleSettings) -> None:
        app = self._setting.app
        remember(app, order.wish.settings_name, settings, order.wish.value)
        if order.origin is not None and order.wish is not Wish.IN_PLACE:
            remember_canvas(app, _default_canvas(order.origin), order.canvas)

    def _about(self, end: Inserted) -> str:
        """Say what was put in, and what else the user has to know of it."""
        words = self._words
        said = words("“{name}” is there.", name=end.name)
        if end.undo_steps > 1:
            said = words(
                "“{name}” is there. Undo twice: the layer, then the canvas.", name=end.name
            )
        if end.blending is Blending.SOURCE_HIDDEN:
            said += "\n" + words(
                "“{source}” is hidden, so that its blending does not count twice. Undo does not "
                "show it again.",
                source=end.source,
            )
        elif end.blending is Blending.TWICE:
            said += "\n" + words(
                "It blends as “{source}” does, so this part counts twice. Hide one of them.",
                source=end.source,
            )
        return said

    def _ended(self, order: Order, end: End) -> None:
        screen, words = self._setting.screen, self._words
        if isinstance(end, Inserted):
            if order.fetched is not None and order.wish is not Wish.RECENT:
                self._remember(order, order.fetched.job.settings)
            if end.document is not None:
                screen.show(end.document)
            else:
                screen.note(self._about(end))
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


def _default_canvas(origin: Origin) -> Canvas:
    """Return what a new user is offered first."""
    size = (origin.document.width(), origin.document.height())
    return default_canvas(origin.area, size if origin.place is None else origin.place.canvas)


def _area_now(node: Node, recipe: LayerRecipe, now: SourcePlace) -> Optional[Rect]:
    """Return where the part is that a layer was made of; none = it is the whole source.

    Raises:
        CannotTake: that cannot be known.
    """
    if recipe.is_whole:
        return None
    if recipe.place is None:
        if recipe.area == now.bounds:
            return None
    elif (area := follow(recipe.area, recipe.place, now)) is not None:
        return area
    raise CannotTake(
        "“{name}” was made of {size} at {place} of “{source}”, which was changed since: the part "
        "is not there any more. Select it and upscale it.",
        name=node.name(),
        source=recipe.source,
        size=f"{recipe.area.width}x{recipe.area.height}",
        place=f"{recipe.area.x}, {recipe.area.y}",
    )
