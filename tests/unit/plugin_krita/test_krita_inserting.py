from __future__ import annotations

import json
import time
from collections.abc import Generator
from typing import Any

import pytest
from fake_krita import FakeApp, FakeDocument, FakeNode

from plugin_krita.scalediff import inserting
from plugin_krita.scalediff.client.client import Pixels
from plugin_krita.scalediff.client.messages import JobInfo, JobState, Priority, UpscaleSettings
from plugin_krita.scalediff.client.pixels import PixelHeader
from plugin_krita.scalediff.inserting import (
    Blending,
    DocumentClosed,
    Inserted,
    Means,
    SourceChanged,
    insertion,
)
from plugin_krita.scalediff.layers import id_of, source_place
from plugin_krita.scalediff.plugin_common.errand import Fetched
from plugin_krita.scalediff.plugin_common.placement import Canvas, Rect
from plugin_krita.scalediff.plugin_common.words import Words
from plugin_krita.scalediff.profiles import Profiles
from plugin_krita.scalediff.recipes import recipe_of
from plugin_krita.scalediff.spaces import Space
from plugin_krita.scalediff.taking import CannotTake, Origin

AREA = Rect(2, 3, 10, 5)
JOB = JobInfo(
    "j", JobState.DONE, UpscaleSettings(seed=5), "i", 10, 5, 20, 10, Priority.EDITOR, "Sky", True,
    0.0, 0.0, 1, recipe='{"model": "embedded"}',
)  # fmt: skip


def fetched(width: int = 20, height: int = 10, **header: Any) -> Fetched:
    made = PixelHeader(
        width,
        height,
        **{"model": "rgb", "depth": "u8", "alpha": "straight", "order": "bgr"} | header,
    )
    samples = bytearray(i % 251 for i in range(made.sample_bytes))
    return Fetched(JOB, Pixels(made, b"", samples), {})


@pytest.fixture
def document() -> FakeDocument:
    made = FakeDocument()
    made.add(FakeNode("Sky", rect=(2, 3, 10, 5)), FakeNode("Top"))
    return made


@pytest.fixture
def app(document: FakeDocument) -> FakeApp:
    return FakeApp(document)


def means(app: FakeApp) -> Means:
    def scale_mask(mask: bytes, w: int, h: int, to_w: int, to_h: int) -> bytes:
        return mask[:1] * (to_w * to_h)

    return Means(app, Profiles(app, dict), scale_mask, Words("en"))


def origin(document: FakeDocument, **changes: Any) -> Origin:
    layer = document.root.children[0]
    usual = {"layer": id_of(layer), "name": "Sky", "area": AREA, "space": document.space}
    return Origin(document, **{**usual, **changes})


def run(steps: Generator[None, None, Inserted]) -> Inserted:
    deadline = time.monotonic() + 10
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        assert time.monotonic() < deadline


def inserted(
    app: FakeApp, document: FakeDocument, canvas: Canvas, name: str = "Sky 2x", **changes: Any
) -> FakeNode:
    run(insertion(means(app), origin(document, **changes), fetched(), canvas))
    return next(node for node in document.root.children if node.called == name)


def test_it_comes_right_above_its_source_with_its_recipe(
    app: FakeApp, document: FakeDocument
) -> None:
    node = inserted(app, document, Canvas.KEEP)
    assert document.layers() == ["Sky", "Sky 2x", "Top"]
    assert (node.rect, node.samples) == ((2, 3, 20, 10), bytes(fetched().pixels.samples))
    assert document.done == []
    recipe = recipe_of(document, node)
    assert (recipe.settings, recipe.source, recipe.area) == (JOB.settings, "Sky", AREA)
    assert recipe.source_id == id_of(document.root.children[0])
    assert json.loads(next(iter(document.annotations.values())))["made"] == {"model": "embedded"}


def test_a_large_one_comes_in_strips(
    app: FakeApp, document: FakeDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inserting, "_STRIP_BYTES", 20 * 4 * 3)
    node = inserted(app, document, Canvas.KEEP)
    assert node.strips == [3, 3, 3, 1]
    assert node.samples == bytes(fetched().pixels.samples)


@pytest.mark.parametrize(
    ("canvas", "done", "rect", "steps"),
    [
        (Canvas.GROW, [], (2, 3, 20, 10), 1),
        (Canvas.SCALE, ["scale 80 60"], (4, 6, 20, 10), 2),
    ],
)
def test_what_becomes_of_the_canvas(
    app: FakeApp, document: FakeDocument, canvas: Canvas, done: list[str], rect: Any, steps: int
) -> None:
    end = run(insertion(means(app), origin(document), fetched(), canvas))
    assert document.done == done
    assert document.root.children[1].rect == rect
    assert end.undo_steps == steps


def test_it_grows_to_the_left(app: FakeApp, document: FakeDocument) -> None:
    place = origin(document, area=Rect(-6, -2, 10, 5))
    end = run(insertion(means(app), place, fetched(), Canvas.GROW))
    assert document.done == ["resize -6 -2 46 32"]
    node = document.root.children[1]
    assert node.rect == (0, 0, 20, 10)
    assert end.undo_steps == 2
    assert recipe_of(document, node).area == Rect(0, 0, 10, 5), "where the source is now"


def test_a_new_document_leaves_the_old_one_alone(app: FakeApp, document: FakeDocument) -> None:
    end = run(insertion(means(app), origin(document), fetched(), Canvas.NEW))
    assert document.layers() == ["Sky", "Top"]
    assert (end.document.wide, end.document.high) == (20, 10)
    assert end.document.layers() == ["Sky 2x"], "an empty layer lies beneath"
    (node,) = end.document.root.children
    assert node.samples == bytes(fetched().pixels.samples)


def test_in_place_it_has_the_size_of_its_source(app: FakeApp, document: FakeDocument) -> None:
    node = inserted(app, document, Canvas.IN_PLACE, "Sky in place")
    assert node.rect == (2, 3, 10, 5)
    assert app.open == [document], "a document was left behind"


def test_the_selection_becomes_transparency(app: FakeApp, document: FakeDocument) -> None:
    node = inserted(app, document, Canvas.KEEP, mask=bytes(50))
    assert set(node.samples[3::4]) == {0}
    assert node.samples[0::4] == bytes(fetched().pixels.samples)[0::4]


def test_it_is_in_the_documents_own_space(app: FakeApp, document: FakeDocument) -> None:
    document.space = Space("CMYKA", "U8", "Chemical proof")
    node = inserted(app, document, Canvas.KEEP, space=Space("RGBA", "U8", "x.icc"))
    assert node.space == document.space
    assert len(node.samples) == 20 * 10 * 5
    assert app.open == [document]


def test_a_source_that_has_gone_puts_it_on_top(app: FakeApp, document: FakeDocument) -> None:
    del document.root.children[0]
    run(insertion(means(app), origin(document, layer="gone"), fetched(), Canvas.KEEP))
    assert document.layers() == ["Top", "Sky 2x"]


def test_the_selection_that_hangs_on_top_as_a_mask_stays_there(
    app: FakeApp, document: FakeDocument
) -> None:
    document.add(FakeNode("Selection Mask", "selectionmask"))
    run(insertion(means(app), origin(document, layer=""), fetched(), Canvas.KEEP))
    assert document.layers() == ["Sky", "Top", "Sky 2x", "Selection Mask"]


def test_nothing_goes_into_a_locked_group(app: FakeApp, document: FakeDocument) -> None:
    group = document.add(FakeNode("Group", "grouplayer", is_locked=True))
    inner = FakeNode("Inner")
    group.addChildNode(inner, None)
    run(insertion(means(app), origin(document, layer=id_of(inner)), fetched(), Canvas.KEEP))
    assert document.layers() == ["Sky", "Top", "Group", "Sky 2x"]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_document_that_is_closed_on_the_way_gets_nothing(
    app: FakeApp, document: FakeDocument, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inserting, "_STRIP_BYTES", 80)
    steps = insertion(means(app), origin(document), fetched(), Canvas.GROW)
    for _ in range(after):
        next(steps)
    document.close()
    with pytest.raises(DocumentClosed):
        run(steps)
    assert document.layers() == ["Sky", "Top"]
    assert document.done == []


def test_an_unknown_profile_is_made_known(app: FakeApp, document: FakeDocument) -> None:
    place = origin(document, space=None)
    foreign = fetched()
    foreign = Fetched(JOB, Pixels(foreign.pixels.header, b"a profile", foreign.pixels.samples), {})
    run(insertion(means(app), place, foreign, Canvas.KEEP))
    assert "added.icc" in app.known_profiles


def test_what_krita_cannot_have_is_told(app: FakeApp, document: FakeDocument) -> None:
    with pytest.raises(CannotTake, match="cannot take over"):
        run(insertion(means(app), origin(document), fetched(depth="f64"), Canvas.KEEP))


def taken_here(document: FakeDocument, **changes: Any) -> Origin:
    """Where the layer is now, as `take` tells it."""
    layer = document.root.children[0]
    changes = {"place": source_place(document, layer), "is_whole": True, **changes}
    return origin(document, **changes)


@pytest.mark.parametrize(
    ("canvas", "name", "rect"),
    [
        (Canvas.KEEP, "Sky 2x", (12, 1, 20, 10)),
        (Canvas.GROW, "Sky 2x", (12, 1, 20, 10)),
        (Canvas.SCALE, "Sky 2x", (24, 2, 20, 10)),
        (Canvas.IN_PLACE, "Sky in place", (12, 1, 10, 5)),
    ],
)
def test_a_result_follows_its_source(
    app: FakeApp, document: FakeDocument, canvas: Canvas, name: str, rect: tuple[int, ...]
) -> None:
    place, source = taken_here(document), document.root.children[0]
    source.move(10, -2)
    run(insertion(means(app), place, fetched(), canvas))
    (node,) = (one for one in document.root.children if one.called == name)
    assert node.rect == rect
    recipe = recipe_of(document, node)
    assert (recipe.place, recipe.is_whole) == (source_place(document, source), True)


def test_a_result_follows_its_source_while_the_layer_is_filled(
    app: FakeApp, document: FakeDocument
) -> None:
    steps = insertion(means(app), taken_here(document), fetched(), Canvas.KEEP)
    next(steps)
    document.root.children[0].move(10, -2)
    run(steps)
    assert document.layers() == ["Sky", "Sky 2x", "Top"]
    assert document.root.children[1].rect == (12, 1, 20, 10)


def test_on_a_canvas_that_has_grown_a_result_follows_but_the_image_is_not_scaled(
    app: FakeApp, document: FakeDocument
) -> None:
    place = taken_here(document)
    document.resizeImage(-5, 0, 60, 30)
    document.done.clear()
    with pytest.raises(SourceChanged) as asked:
        run(insertion(means(app), place, fetched(), Canvas.SCALE))
    assert asked.value.values == {"name": "Sky", "size": "40x30", "size_now": "60x30"}
    assert (document.layers(), document.done) == (["Sky", "Top"], [])
    run(insertion(means(app), place, fetched(), Canvas.KEEP))
    assert document.root.children[1].rect == (7, 3, 20, 10)


@pytest.mark.parametrize("canvas", [Canvas.KEEP, Canvas.GROW, Canvas.SCALE, Canvas.IN_PLACE])
def test_where_the_source_is_not_known_nothing_is_changed(
    app: FakeApp, document: FakeDocument, canvas: Canvas
) -> None:
    place = taken_here(document)
    document.scaleImage(80, 60, 72, 72, "Bicubic")
    document.done.clear()
    with pytest.raises(SourceChanged, match="The image was"):
        run(insertion(means(app), place, fetched(), canvas))
    assert (document.layers(), document.done) == (["Sky", "Top"], [])


def test_a_whole_layer_that_was_painted_on_is_asked_about(
    app: FakeApp, document: FakeDocument
) -> None:
    place = taken_here(document)
    document.root.children[0].rect = (0, 0, 40, 30)
    with pytest.raises(SourceChanged) as asked:
        run(insertion(means(app), place, fetched(), Canvas.KEEP))
    assert asked.value.values == {
        "name": "Sky", "size": "10x5", "place": "2, 3", "size_now": "40x30", "place_now": "0, 0",
    }  # fmt: skip
    part = taken_here(document, is_whole=False)
    document.root.children[0].rect = (-5, 0, 60, 30)
    run(insertion(means(app), part, fetched(), Canvas.KEEP))
    assert document.root.children[1].rect == (2, 3, 20, 10)


def test_anyway_a_result_goes_where_its_source_seems_to_be(
    app: FakeApp, document: FakeDocument
) -> None:
    place = taken_here(document)
    document.root.children[0].rect = (20, 13, 30, 15)
    run(insertion(means(app), place, fetched(), Canvas.KEEP, anyway=True))
    assert document.root.children[1].rect == (20, 13, 20, 10)
    run(insertion(means(app), place, fetched(), Canvas.IN_PLACE, anyway=True))
    assert document.root.children[1].rect == (20, 13, 30, 15)


def test_a_new_document_does_not_mind_what_became_of_the_source(
    app: FakeApp, document: FakeDocument
) -> None:
    place = taken_here(document)
    document.scaleImage(80, 60, 72, 72, "Bicubic")
    assert run(insertion(means(app), place, fetched(), Canvas.NEW)).document is not None


@pytest.mark.parametrize(
    ("mode", "opacity", "is_whole", "blending"),
    [
        ("normal", 255, True, Blending.PLAIN),
        ("multiply", 255, True, Blending.SOURCE_HIDDEN),
        ("normal", 128, True, Blending.SOURCE_HIDDEN),
        ("screen", 90, False, Blending.TWICE),
    ],
)
def test_a_result_blends_as_its_source_does_and_only_one_of_them_shows(
    app: FakeApp,
    document: FakeDocument,
    mode: str,
    opacity: int,
    is_whole: bool,
    blending: Blending,
) -> None:
    source = document.root.children[0]
    source.mode, source.strength, source.inherits = mode, opacity, True
    place = taken_here(document, is_whole=is_whole)
    end = run(insertion(means(app), place, fetched(), Canvas.KEEP))
    node = document.root.children[1]
    assert (node.mode, node.strength, node.inherits) == (mode, opacity, True)
    assert (end.blending, end.source) == (blending, "Sky")
    assert source.is_visible == (blending is not Blending.SOURCE_HIDDEN)
    new = run(insertion(means(app), place, fetched(), Canvas.NEW)).document.root.children[0]
    assert (new.mode, new.strength, new.inherits) == ("normal", 255, False)
