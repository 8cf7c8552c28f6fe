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
from plugin_krita.scalediff.inserting import DocumentClosed, Inserted, Means, insertion
from plugin_krita.scalediff.layers import id_of
from plugin_krita.scalediff.plugin_common.errand import Fetched
from plugin_krita.scalediff.plugin_common.placement import Canvas, Rect
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
    return Means(app, Profiles(app, dict), lambda mask, w, h, W, H: mask[:1] * (W * H))  # noqa: N803


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


def inserted(app: FakeApp, document: FakeDocument, canvas: Canvas, **changes: Any) -> FakeNode:
    run(insertion(means(app), origin(document, **changes), fetched(), canvas))
    return next(node for node in document.root.children if node.called == "Sky 2x")


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
    assert end.document.layers() == ["Background", "Sky 2x"]


def test_in_place_it_has_the_size_of_its_source(app: FakeApp, document: FakeDocument) -> None:
    node = inserted(app, document, Canvas.IN_PLACE)
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
