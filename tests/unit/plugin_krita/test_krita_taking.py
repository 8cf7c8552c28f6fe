from __future__ import annotations

import pytest
from fake_krita import FakeApp, FakeDocument, FakeNode, FakeSelection

from plugin_krita.scalediff import taking
from plugin_krita.scalediff.layers import id_of
from plugin_krita.scalediff.plugin_common.placement import Rect, SourcePlace
from plugin_krita.scalediff.spaces import Space, header_for
from plugin_krita.scalediff.taking import CannotTake, Taken, take


@pytest.fixture
def document() -> FakeDocument:
    made = FakeDocument()
    made.add(FakeNode("Sky", rect=(2, 3, 20, 10)))
    return made


def samples_of(taken: Taken) -> bytes:
    while True:
        try:
            next(taken.reading)
        except StopIteration as end:
            return bytes(end.value)


def why(document: FakeDocument, **how: object) -> str:
    with pytest.raises(CannotTake) as raised:
        samples_of(take(FakeApp(document), document, **how))
    return raised.value.text.format(**raised.value.values)


def test_all_of_a_layer_also_where_it_is_not_on_the_canvas(document: FakeDocument) -> None:
    document.active.rect = (-5, 3, 90, 10)
    taken = take(FakeApp(document), document)
    assert taken.origin.area == Rect(-5, 3, 90, 10)
    assert len(samples_of(taken)) == 90 * 10 * 4
    assert taken.origin.layer == id_of(document.active)
    assert taken.origin.mask is None


def test_a_selection_is_cut_to_the_canvas(document: FakeDocument) -> None:
    document.chosen = FakeSelection((-10, 5, 30, 90))
    taken = take(FakeApp(document), document)
    assert taken.origin.area == Rect(0, 5, 20, 25)
    assert taken.origin.mask is None


def test_the_mask_of_a_selection_that_is_not_a_full_rectangle_is_kept(
    document: FakeDocument,
) -> None:
    document.chosen = FakeSelection((4, 4, 2, 2), bytes([255, 255, 255, 254]))
    assert take(FakeApp(document), document).origin.mask == bytes([255, 255, 255, 254])


def test_an_area_of_a_recipe_goes_before_the_selection(document: FakeDocument) -> None:
    document.chosen = FakeSelection((4, 4, 2, 2), bytes([255, 255, 255, 254]))
    app = FakeApp(document)
    taken = take(app, document, area=Rect(3, 3, 6, 6))
    assert (taken.origin.area, taken.origin.mask) == (Rect(3, 3, 6, 6), None)
    taken = take(app, document, area=Rect(4, 4, 2, 2))
    assert taken.origin.mask == bytes([255, 255, 255, 254])


def test_a_mask_stands_for_its_layer(document: FakeDocument) -> None:
    layer = document.active
    mask = FakeNode("Mask", "filtermask")
    layer.addChildNode(mask, None)
    document.active = mask
    assert take(FakeApp(document), document).origin.layer == id_of(layer)


def test_a_layer_with_a_mask_goes_as_it_is_seen(document: FakeDocument) -> None:
    layer = document.active
    layer.addChildNode(FakeNode("Mask", "transparencymask"), None)
    layer.seen = layer.rect
    layer.pixelData = lambda *_: b"not these"
    assert len(samples_of(take(FakeApp(document), document))) == 800


def test_the_visible_image_has_no_layer_and_the_name_of_its_file(document: FakeDocument) -> None:
    document.called, document.file = "", "/home/me/boat.kra"
    taken = take(FakeApp(document), document, visible=True)
    assert (taken.origin.layer, taken.origin.name) == ("", "boat")
    assert taken.origin.area == Rect(0, 0, 40, 30)


def test_a_frame_of_an_animation_says_which(document: FakeDocument) -> None:
    document.active.is_animated = True
    assert take(FakeApp(document), document).origin.name == "Sky #12"


@pytest.mark.parametrize(
    ("model", "depth", "sent"),
    [("CMYKA", "U8", "U16"), ("LABA", "U16", "U16"), ("XYZA", "F16", "F32")],
)
def test_other_models_go_through_rgb(
    document: FakeDocument, model: str, depth: str, sent: str
) -> None:
    document.active.space = Space(model, depth, "of its own")
    app = FakeApp(document)
    taken = take(app, document)
    assert taken.space == Space("RGBA", sent, "ClayRGB-elle-V2-g22.icc")
    assert len(samples_of(taken)) == 200 * taken.space.pixel_bytes
    assert app.open == [document], "a document was left behind"


def test_without_the_wide_profile_it_is_kritas_own(document: FakeDocument) -> None:
    document.active.space = Space("LABA", "U16", "Lab")
    app = FakeApp(document)
    app.known_profiles = []
    assert take(app, document).space == Space("RGBA", "U16", "default.icc")
    assert app.open == [document]


def test_what_cannot_be_taken_says_why(document: FakeDocument) -> None:
    layer = document.active
    layer.rect = (0, 0, 0, 0)
    assert "“Sky” is empty" in why(document)
    layer.rect = (2, 3, 20, 10)
    document.chosen = FakeSelection((30, 20, 5, 5))
    assert "Nothing of the layer “Sky” is selected" in why(document)
    document.chosen = FakeSelection((400, 20, 5, 5))
    assert "outside of the canvas" in why(document)
    document.chosen = None
    layer.space = Space("RGBA", "U64", "")
    assert "with U64" in why(document)
    layer.space = Space("RGBA", "U8", "")
    layer._read = lambda *_: b"123"
    assert "does not give the pixels" in why(document)
    document.active = None
    assert "No layer is active" in why(document)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("filterlayer", "filter layer"), ("referenceimages", "no pixels")],
)
def test_kinds_without_pixels_say_so(document: FakeDocument, kind: str, words: str) -> None:
    document.active.kind = kind
    assert words in why(document)


def test_groups_must_be_seen_and_have_a_picture(document: FakeDocument) -> None:
    group = document.add(FakeNode("Group", "grouplayer", rect=(0, 0, 8, 8)))
    outer = FakeNode("Outer", "grouplayer", is_visible=False)
    group.is_pass_through = True
    assert "passes through" in why(document)
    group.is_pass_through = False
    group.parent = outer
    assert "is hidden" in why(document)
    outer.is_visible = True
    assert take(FakeApp(document), document).origin.name == "Group"


def test_a_hidden_paint_layer_has_its_pixels(document: FakeDocument) -> None:
    document.active.is_visible = False
    assert take(FakeApp(document), document).origin.name == "Sky"


def test_a_large_layer_is_read_in_parts_as_it_was_at_the_click(
    document: FakeDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "_PART_BYTES", 20 * 4 * 3)
    layer = document.active
    layer.samples = before = bytes(i % 251 for i in range(800))
    taken = take(FakeApp(document), document)
    parts = 0
    found = b""
    while not found:
        try:
            next(taken.reading)
            parts += 1
            layer.samples = bytes(800)  # somebody paints
        except StopIteration as end:
            found = bytes(end.value)
    assert (parts, found) == (5, before)


@pytest.mark.parametrize("rows", [10, 3])
def test_another_model_is_converted_part_by_part(
    document: FakeDocument, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "_PART_BYTES", 20 * 5 * rows)
    document.active.space = Space("CMYKA", "U8", "of its own")
    document.active.samples = bytes([1]) * 1000
    app = FakeApp(document)
    taken = take(app, document)
    assert len(samples_of(taken)) == 200 * 8
    assert app.open == [document], "a document was left behind"


def masked(document: FakeDocument, seen: tuple[int, int, int, int]) -> FakeNode:
    layer = document.active
    layer.addChildNode(FakeNode("Flou", "transformmask"), None)
    layer.seen = seen
    return layer


@pytest.mark.parametrize("depth", ["U8", "U16", "F32"])
def test_a_layer_with_a_mask_is_taken_at_the_bounds_of_what_is_seen(
    document: FakeDocument, depth: str
) -> None:
    masked(document, (25, 1, 7, 20)).space = Space("RGBA", depth, "x.icc")
    taken = take(FakeApp(document), document)
    assert taken.origin.area == Rect(25, 1, 7, 20)
    assert b"\0" not in samples_of(taken)


def test_what_a_mask_shows_outside_of_the_layer_can_be_selected(document: FakeDocument) -> None:
    masked(document, (30, 20, 8, 8))
    document.chosen = FakeSelection((29, 21, 6, 4))
    assert take(FakeApp(document), document).origin.area == Rect(29, 21, 6, 4)
    document.chosen = FakeSelection((2, 3, 6, 4))
    assert "Nothing of the layer “Sky” is selected" in why(document)


def test_what_masks_hide_is_refused(document: FakeDocument) -> None:
    masked(document, (0, 0, 0, 0))
    assert "Nothing of “Sky” is visible on the canvas" in why(document)


@pytest.mark.parametrize("rows", [10, 3])
@pytest.mark.parametrize(("model", "depth"), [("RGBA", "U8"), ("GRAYA", "F16"), ("CMYKA", "U16")])
def test_what_is_wholly_transparent_is_refused(
    document: FakeDocument, rows: int, model: str, depth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = document.active
    layer.space = space = Space(model, depth, "of its own")
    monkeypatch.setattr(taking, "_PART_BYTES", 20 * space.pixel_bytes * rows)
    colour = bytes([9]) * (space.pixel_bytes - space.sample_bytes)
    nothing = colour + bytes(space.sample_bytes)
    layer.samples = nothing * 200
    assert "“Sky” is transparent" in why(document)
    # a single pixel in the last row, as good as transparent
    least = colour + b"\1" + bytes(space.sample_bytes - 1)
    layer.samples = nothing * 199 + least
    assert samples_of(take(FakeApp(document), document))


def test_a_visible_image_without_anything_is_refused(document: FakeDocument) -> None:
    document.pixelData = lambda x, y, w, h: bytes(w * h * 4)
    assert "“Drawing” is transparent" in why(document, visible=True)


def test_where_it_was_taken_and_whether_that_was_all_is_known(document: FakeDocument) -> None:
    document.active.at = (2, 1)
    app = FakeApp(document)
    place = SourcePlace((40, 30), Rect(2, 3, 20, 10), (2, 1))
    origin = take(app, document).origin
    assert (origin.place, origin.is_whole) == (place, True)
    document.chosen = FakeSelection((4, 4, 2, 2))
    origin = take(app, document).origin
    assert (origin.place, origin.is_whole) == (place, False)
    origin = take(app, document, is_whole=True).origin
    assert (origin.area, origin.is_whole) == (Rect(2, 3, 20, 10), True)
    origin = take(app, document, visible=True).origin
    assert (origin.place, origin.is_whole) == (SourcePlace((40, 30)), False)


@pytest.mark.parametrize(
    ("model", "depth", "order"),
    [
        ("RGBA", "U8", "bgr"),
        ("RGBA", "U16", "bgr"),
        ("RGBA", "F16", "rgb"),
        ("RGBA", "F32", "rgb"),
        ("GRAYA", "U8", "rgb"),
    ],
)
def test_the_order_of_samples_is_kritas(model: str, depth: str, order: str) -> None:
    assert header_for(Space(model, depth, ""), 1, 1).order == order
