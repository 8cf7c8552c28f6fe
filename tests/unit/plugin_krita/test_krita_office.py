"""Orders, against a real server: what a user hears, and what becomes of the document."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_krita import FakeApp, FakeDocument, FakeNode, FakeSelection
from test_krita_inserting import fetched

from plugin_krita.scalediff import inserting, taking
from plugin_krita.scalediff import order as order_module
from plugin_krita.scalediff.client.errors import EngineNotInstalled
from plugin_krita.scalediff.client.messages import Problem, UpscaleSettings
from plugin_krita.scalediff.inserting import Means
from plugin_krita.scalediff.layers import id_of
from plugin_krita.scalediff.office import Office, Setting
from plugin_krita.scalediff.order import Answer
from plugin_krita.scalediff.plugin_common import errand
from plugin_krita.scalediff.plugin_common.errand import (
    Begun,
    Dropped,
    Failed,
    LeftRunning,
    Manner,
    Material,
    News,
    Phase,
)
from plugin_krita.scalediff.plugin_common.placement import Canvas, Rect, SourcePlace
from plugin_krita.scalediff.plugin_common.recipe import LayerRecipe
from plugin_krita.scalediff.plugin_common.words import Words
from plugin_krita.scalediff.profiles import Profiles
from plugin_krita.scalediff.recipes import keep_recipe, recipe_of
from plugin_krita.scalediff.remembered import recall, recall_canvas, remember, remember_canvas


class FakeScreen:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[FakeDocument] = []
        self.starts = 0
        self.closed: list[str] = []
        self.answered: Callable[[Answer], None] | None = None

    def refuse(self, sentence: str) -> None:
        self.said.append(f"refuse: {sentence}")

    def trouble(self, problem: Problem) -> None:
        self.said.append(f"trouble: {problem.message}")

    def note(self, sentence: str) -> None:
        if sentence == "ScaleDiff startet …":
            self.starts += 1
        else:
            self.said.append(f"note: {sentence}")

    def ask(
        self, sentence: str, answers: dict[Answer, str], answered: Callable[[Answer], None]
    ) -> Callable[[], None]:
        self.said.append(f"ask: {sentence}")
        assert list(answers) == list(Answer)
        self.answered = answered
        return lambda: self.closed.append(sentence)

    def show(self, document: FakeDocument) -> None:
        self.shown.append(document)

    def theme(self) -> str:
        return "dark"


class FakeErrand:
    def __init__(self) -> None:
        self.coming: list[News] = []
        self.is_cancelled = False

    def news(self, wait_seconds: float = 0.0) -> list[News]:
        told, self.coming = self.coming, []
        return told

    def cancel(self) -> None:
        self.is_cancelled = True
        self.coming.append(Dropped())


class World:
    """An office whose errands are scripted."""

    def __init__(self, document: FakeDocument, monkeypatch: pytest.MonkeyPatch) -> None:
        self.document, self.app, self.screen = document, FakeApp(document), FakeScreen()
        words = Words("de_DE")
        means = Means(self.app, Profiles(self.app, dict), lambda mask, *_: mask, words)
        environ = {"DISPLAY": ":7", "PYTHONPATH": "krita's own"}

        def connect() -> None:
            raise EngineNotInstalled("It is not installed.")

        self.office = Office(Setting(means, connect, self.screen, environ))
        self.errand = FakeErrand()
        self.asked: list[tuple[object, ...]] = []
        self.changes = 0
        self.office.on_change = self._changed
        for name in ("dialog", "upscale", "recent"):
            monkeypatch.setattr(errand, name, self._begins(name))

    def _changed(self) -> None:
        self.changes += 1

    def _begins(self, name: str) -> Callable[..., FakeErrand]:
        def begin(_: object, *arguments: object) -> FakeErrand:
            self.asked.append((name, *arguments))
            return self.errand

        return begin

    def tell(self, *news: News) -> None:
        self.errand.coming += news
        for _ in range(2000):
            self.office.tick()
            if not self.office.orders:
                return

    @property
    def manner(self) -> Manner:
        return self.asked[-1][-1]  # type: ignore[return-value]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    document = FakeDocument()
    document.add(FakeNode("Sky", rect=(2, 3, 10, 5)))
    return World(document, monkeypatch)


def test_the_dialog_is_told_what_it_needs(world: World) -> None:
    world.office.upscale()
    name, material, manner = world.asked[0]
    assert name == "dialog"
    assert isinstance(material, Material)
    assert (material.title, material.header.order, len(material.samples)) == ("Sky", "bgr", 200)
    assert isinstance(manner, Manner)
    assert manner.environment == {"DISPLAY": ":7"}
    assert manner.options == {
        "canvas": "keep",
        "canvas_choices": "keep,grow,scale,new",
        "theme": "dark",
        "language": "de",
    }
    assert world.changes == 1


def test_a_result_is_inserted_told_of_and_remembered(world: World) -> None:
    world.office.upscale()
    done = fetched()
    world.tell(Begun(Phase.FETCHING), errand.Fetched(done.job, done.pixels, {"canvas": "scale"}))
    assert world.document.layers() == ["Sky", "Sky 2x"]
    assert world.screen.said == [
        "note: „Sky 2x“ ist da. Zweimal rückgängig: erst die Ebene, dann die Leinwand."
    ]
    assert recall(world.app, "layer") == done.job.settings
    assert (world.office.orders, world.changes) == ([], 2)
    world.office.upscale()
    assert world.manner.options["canvas"] == "scale"


def test_an_odd_canvas_keeps_it(world: World) -> None:
    world.office.upscale()
    done = fetched()
    world.tell(errand.Fetched(done.job, done.pixels, {"canvas": "fold"}))
    assert (world.document.layers(), world.document.done) == (["Sky", "Sky 2x"], [])


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (Dropped(), []),
        (Failed(Problem("x", "It broke.")), ["trouble: It broke."]),
        (
            LeftRunning("j"),
            ["note: „Sky“ läuft von selbst weiter. „Letztes Ergebnis einfügen“ wird es haben."],
        ),
    ],
)
def test_other_ends_leave_the_document_alone(world: World, end: News, said: list[str]) -> None:
    world.office.upscale()
    world.tell(end)
    assert world.document.layers() == ["Sky"]
    assert world.screen.said == said
    assert recall(world.app, "layer") is None


def test_a_closed_document_is_told_of(world: World) -> None:
    world.office.upscale()
    world.document.close()
    world.tell(fetched())
    assert "ist geschlossen" in world.screen.said[0]


def test_in_place_is_not_locked_to_its_source(world: World) -> None:
    remember(world.app, "in-place", UpscaleSettings(seed=3))
    world.office.in_place()
    assert world.manner.options["canvas"] == "in-place"
    assert "canvas_choices" not in world.manner.options
    assert world.manner.settings == UpscaleSettings(seed=3, source_lock=False)


def test_repeat_asks_the_first_time_and_then_no_more(world: World) -> None:
    world.office.repeat()
    assert world.asked[-1][0] == "dialog"
    last = UpscaleSettings(scale=3.0)
    remember(world.app, "layer", last)
    remember_canvas(world.app, Canvas.KEEP, Canvas.GROW)
    world.office.repeat()
    name, _, settings, options = world.asked[-1]
    assert (name, settings, options) == ("upscale", last, {"canvas": "grow"})


def test_repeat_does_what_was_done_last(world: World) -> None:
    remember(world.app, "layer", UpscaleSettings(scale=3.0))
    world.office.in_place()
    done = fetched()
    world.tell(errand.Fetched(done.job, done.pixels, {"canvas": "in-place"}))
    world.office.repeat()
    _, material, settings, options = world.asked[-1]
    assert (material.title, settings) == ("Sky", done.job.settings)
    assert options == {"canvas": "in-place"}
    world.tell(Dropped())
    world.office.upscale_image()
    world.tell(errand.Fetched(done.job, done.pixels, {"canvas": "keep"}))
    world.office.repeat()
    name, material, _, options = world.asked[-1]
    assert (name, material.title, options) == ("upscale", "Drawing", {"canvas": "keep"})


def test_settings_that_make_no_sense_any_more_are_forgotten(world: World) -> None:
    for held in ("", "keep", "{", "keep {}", "[]"):
        world.app.settings["layer"] = held
        assert recall(world.app, "layer") is None
    world.app.settings["canvas-for-keep"] = "fold"
    assert recall_canvas(world.app, Canvas.KEEP) is Canvas.KEEP


def made_of(world: World, **changes: object) -> FakeNode:
    source = world.document.root.children[0]
    made = world.document.add(FakeNode("Sky 2x", rect=(2, 3, 20, 10)))
    usual = {
        "settings": UpscaleSettings(seed=9), "source": "Sky", "area": Rect(2, 3, 10, 5),
        "made": {}, "source_id": id_of(source),
    }  # fmt: skip
    keep_recipe(world.document, made, LayerRecipe(**{**usual, **changes}))
    return made


def test_a_layer_is_made_again_from_its_recipe(world: World) -> None:
    made_of(world)
    world.office.rerun()
    _, material, manner = world.asked[-1]
    assert (material.header.width, material.header.height) == (10, 5)
    assert manner.settings == UpscaleSettings(seed=9)
    assert manner.options["canvas_choices"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source_id": "gone"}, "gibt es in diesem Dokument nicht"),
        ({"source_id": ""}, "wurde nicht aus einer Ebene gemacht"),
        ({"canvas": Canvas.SCALE}, "wurde das Bild skaliert"),
    ],
)
def test_what_cannot_be_made_again_says_why(
    world: World, changes: dict[str, object], words: str
) -> None:
    made_of(world, **changes)
    world.office.rerun()
    assert words in world.screen.said[0]
    assert world.asked == []


def test_a_layer_without_metadata_has_no_recipe(world: World) -> None:
    made = made_of(world, settings=UpscaleSettings(strip=True))
    assert recipe_of(world.document, made) is None


def test_a_drawn_layer_has_no_recipe(world: World) -> None:
    world.office.rerun()
    assert "hat kein Rezept" in world.screen.said[0]


def test_without_a_document_everything_says_so(world: World) -> None:
    world.app.open.clear()
    for method in ("upscale", "upscale_image", "in_place", "repeat", "recent", "rerun"):
        getattr(world.office, method)()
    assert len(world.screen.said) == 6
    assert {"kein Dokument" in said for said in world.screen.said} == {True}
    assert (world.asked, world.office.orders) == ([], [])


def test_all_can_be_given_up(world: World) -> None:
    world.office.upscale()
    world.office.cancel_all()
    world.office.tick()
    assert world.errand.is_cancelled
    assert world.office.orders == []


def test_a_recent_result_goes_into_the_document_of_the_click(world: World) -> None:
    world.office.recent()
    other = FakeDocument(app=world.app)
    world.app.open.append(other)
    world.tell(fetched())
    assert (other.layers(), world.document.layers()) == ([], ["Sky", "Sky 2x"])
    assert recall(world.app, "layer") is None
    assert order_module.Wish.RECENT.value not in world.app.settings


@pytest.mark.parametrize("canvas", ["keep", "grow", "scale", "new", "in-place"])
@pytest.mark.parametrize("ticks", [0, 1, 2, 3])
def test_given_up_while_it_is_put_in_everything_is_as_it_was(
    world: World, canvas: str, ticks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inserting, "_STRIP_BYTES", 40)
    world.office.upscale()
    done = fetched()
    world.errand.coming.append(errand.Fetched(done.job, done.pixels, {"canvas": canvas}))
    for _ in range(ticks):
        world.office.tick()
    (order,) = world.office.orders
    order.cancel()
    world.tell()
    assert (world.document.layers(), world.document.done) == (["Sky"], [])
    assert world.document.annotations == {}
    assert (world.app.open, world.screen.said) == ([world.document], [])


def test_given_up_while_it_is_read_nothing_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "_PART_BYTES", 40)
    world.office.upscale()
    world.office.tick()
    world.office.cancel_all()
    world.tell()
    assert (world.asked, world.office.orders, world.screen.said) == ([], [], [])


def test_what_nobody_thought_of_ends_the_order_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    world.office.upscale()
    monkeypatch.setattr(world.document, "createNode", fails)
    world.tell(fetched())
    assert world.office.orders == []
    assert "konnte nicht eingefügt werden: MemoryError" in world.screen.said[0]
    monkeypatch.setattr(taking, "_PART_BYTES", 40)
    world.office.upscale()
    monkeypatch.setattr(errand, "dialog", fails)
    world.tell()
    assert world.office.orders == []
    assert "war nicht zu lesen: MemoryError" in world.screen.said[1]


def test_what_is_offered_first_for_all_of_the_canvas_is_not_what_is_for_a_part(
    world: World,
) -> None:
    layer = world.document.active
    layer.rect = (0, 0, 40, 30)
    world.office.upscale()
    assert world.manner.options["canvas"] == "scale"
    world.document.chosen = FakeSelection((3, 3, 20, 20))
    world.office.upscale()
    assert world.manner.options["canvas"] == "keep"
    world.office.upscale_image()
    assert world.manner.options["canvas"] == "keep"
    world.document.chosen = None
    world.office.upscale_image()
    assert world.manner.options["canvas"] == "scale"


def test_what_was_chosen_is_remembered_for_the_same_case_alone(world: World) -> None:
    layer = world.document.active
    layer.rect = (0, 0, 40, 30)
    done = fetched()
    for selection, chosen in ((None, "new"), (FakeSelection((3, 3, 10, 5)), "grow")):
        world.document.chosen = selection
        world.office.upscale()
        world.tell(errand.Fetched(done.job, done.pixels, {"canvas": chosen}))
    world.document.wide, world.document.high = 40, 30
    world.app.open[:] = [world.document]
    for method in (world.office.upscale, world.office.repeat):
        world.document.chosen, world.document.active = None, layer
        layer.rect = (0, 0, 40, 30)
        method()
        options = world.asked[-1][-1]
        assert getattr(options, "options", options)["canvas"] == "new"
        world.document.chosen = FakeSelection((3, 3, 10, 5))
        method()
        options = world.asked[-1][-1]
        assert getattr(options, "options", options)["canvas"] == "grow"


def test_each_click_shows_at_once_that_something_begins(world: World) -> None:
    made_of(world)
    remember(world.app, "layer", UpscaleSettings())
    methods = ("upscale", "upscale_image", "in_place", "repeat", "recent", "rerun")
    for count, method in enumerate(methods, 1):
        getattr(world.office, method)()
        assert world.screen.starts == count, method
    assert world.screen.said == []


def changed_meanwhile(world: World, canvas: str = "keep") -> None:
    world.office.upscale()
    world.document.scaleImage(80, 60, 72, 72, "Bicubic")
    world.document.done.clear()
    done = fetched()
    world.tell(errand.Fetched(done.job, done.pixels, {"canvas": canvas}))


def test_where_a_result_goes_is_asked_if_its_source_was_changed(world: World) -> None:
    changed_meanwhile(world, "scale")
    (said,) = world.screen.said
    assert said.startswith("ask: Das Bild war 40x30, als „Sky“ gelesen wurde, und ist jetzt 80x60.")
    assert (world.document.layers(), len(world.office.orders)) == (["Sky"], 1)
    world.tell()
    assert len(world.screen.said) == 1, "it is asked again and again"
    world.screen.answered(Answer.HERE)
    world.tell()
    assert (world.document.layers(), world.document.done) == (["Sky", "Sky 2x"], [])
    assert world.office.orders == []


def test_the_answer_can_be_a_new_document_or_nothing(world: World) -> None:
    changed_meanwhile(world)
    world.screen.answered(Answer.NEW)
    world.tell()
    assert world.document.layers() == ["Sky"]
    assert [one.layers() for one in world.screen.shown] == [["Sky 2x"]]
    world.document.wide, world.document.high = 40, 30
    world.document.active.rect = (2, 3, 10, 5)
    world.app.open[:] = [world.document]
    changed_meanwhile(world)
    world.screen.answered(Answer.NOWHERE)
    world.tell()
    assert (world.document.layers(), world.office.orders) == (["Sky"], [])
    assert len(world.screen.shown) == 1


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_question_is_taken_back_when_its_order_ends(world: World, is_closed: bool) -> None:
    changed_meanwhile(world)
    if is_closed:
        world.document.close()
    else:
        world.office.cancel_all()
    world.tell()
    assert (world.office.orders, len(world.screen.closed)) == ([], 1)
    world.screen.answered(Answer.HERE)
    world.tell()
    assert world.document.layers() == ["Sky"]


PLACE = SourcePlace((40, 30), Rect(0, 0, 20, 20))


def sent(world: World) -> tuple[int, int, bytes]:
    """Width, height and first pixel: the fake's pixels begin with where they are."""
    material = world.asked[-1][1]
    return material.header.width, material.header.height, bytes(material.samples[:2])


@pytest.mark.parametrize("change", ["moved", "scaled", "grown", "painted"])
def test_a_whole_layer_is_made_again_of_all_that_it_is_now(world: World, change: str) -> None:
    source = world.document.root.children[0]
    source.rect = (0, 0, 20, 20)
    made_of(world, area=PLACE.bounds, place=PLACE, is_whole=True)
    world.document.chosen = FakeSelection((1, 1, 3, 3))
    if change == "moved":
        source.move(7, 5)
    elif change == "scaled":
        world.document.wide, world.document.high, source.rect = 80, 60, (0, 0, 40, 40)
    elif change == "grown":
        world.document.resizeImage(-5, -6, 60, 40)
    else:
        source.rect = (0, 0, 33, 21)
    world.office.rerun()
    left, top, width, height = source.rect
    assert sent(world) == (width, height, bytes([left, top]))
    assert world.screen.said == []


def test_a_part_is_made_again_where_it_is_now(world: World) -> None:
    source = world.document.root.children[0]
    source.rect = (0, 0, 20, 20)
    made_of(world, place=PLACE)
    source.rect = (0, 0, 33, 21)  # painted on
    world.office.rerun()
    assert sent(world) == (10, 5, bytes([2, 3]))
    source.rect = (0, 0, 20, 20)
    source.move(7, 5)
    world.office.rerun()
    assert sent(world) == (10, 5, bytes([9, 8]))
    world.document.resizeImage(-1, -1, 60, 40)
    world.office.rerun()
    assert sent(world) == (10, 5, bytes([10, 9]))


@pytest.mark.parametrize("place", [PLACE, None])
def test_a_part_whose_place_is_not_known_is_refused(
    world: World, place: SourcePlace | None
) -> None:
    source = world.document.root.children[0]
    made_of(world, place=place)
    world.document.wide, world.document.high, source.rect = 80, 60, (0, 0, 40, 40)
    world.office.rerun()
    (said,) = world.screen.said
    assert "„Sky 2x“ wurde aus 10x5 bei 2, 3 von „Sky“ gemacht" in said
    assert world.asked == []


def test_what_is_made_again_begins_with_its_own_canvas(world: World) -> None:
    made_of(world, place=PLACE, canvas=Canvas.GROW)
    world.document.root.children[0].rect = (0, 0, 20, 20)
    world.office.rerun()
    assert world.manner.options["canvas"] == "grow"


def test_a_hidden_source_is_told_of(world: World) -> None:
    world.document.active.mode = "multiply"
    world.office.upscale()
    world.tell(fetched())
    (said,) = world.screen.said
    assert "„Sky 2x“ ist da.\n„Sky“ ist ausgeblendet" in said
    world.document.active.is_visible = True
    world.document.chosen = FakeSelection((3, 3, 5, 3))
    world.office.upscale()
    world.tell(fetched())
    assert "mischt wie „Sky“" in world.screen.said[1]
