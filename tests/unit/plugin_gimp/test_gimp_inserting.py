"""Layers are inserted whole or not at all, whatever GIMP refuses."""

from __future__ import annotations

from dataclasses import replace

import fake_gimp
import pytest
from fake_gimp import CALLS, MADE, Image, Layer
from scalediff_gimp.checked import Complaint, Halfway
from scalediff_gimp.gegl import Block
from scalediff_gimp.inserting import insert, new_image
from scalediff_gimp.plugin_common.placement import Canvas, Rect
from scalediff_gimp.results import Result


def image_with(*names: str, kind: str = "rgb") -> Image:
    image = Image(kind=kind)
    image.layers = [Layer(image, name, 10, 8) for name in names]
    return image


def result(
    layer: Layer | None, x: int = 0, *, masked: bool = True, factor: int = 2, is_whole: bool = True
) -> Result:
    width, height = 10 * factor, 8 * factor
    pixels = Block(width, height, "R'G'B'A u8", bytes(width * height * 4))
    mask = Block(width, height, "Y u8", bytes(width * height)) if masked else None
    area = Rect(x, 0, 10, 8)
    return Result(pixels, True, False, "made", area, mask, layer, "{}", b"icc", is_whole=is_whole)


def outcome(image: Image, canvas: Canvas) -> None:
    """Insert results of two layers, as a run with several does."""
    low, high = image.layers[1], image.layers[0]
    high.mode, low.opacity = "multiply", 40.0
    low.blending["composite_mode"] = "union"
    factor = 1 if canvas is Canvas.IN_PLACE else 2
    results = [result(high, factor=factor), result(low, x=35, masked=False, factor=factor)]
    insert(image, results, canvas)


@pytest.mark.parametrize("canvas", list(Canvas))
@pytest.mark.parametrize("kind", ["rgb", "indexed"])
def test_whatever_gimp_refuses_is_said_and_nothing_is_left_half_done(
    canvas: Canvas, kind: str
) -> None:
    CALLS.reset()
    outcome(image_with("high", "low", kind=kind), canvas)
    calls = list(CALLS.made)
    assert len(calls) > 10
    for number, name in enumerate(calls):
        # a trial before an image is scaled, which is what cleans up; a layer without its recipe
        if name in ("remove_layer", "attach_parasite"):
            continue
        image = image_with("high", "low", kind=kind)
        before, size = list(image.layers), (image.width, image.height)
        MADE.clear()
        CALLS.reset(number)
        with pytest.raises(Complaint, match=r"No room for it\.") as told:
            outcome(image, canvas)
        is_changed = (image.width, image.height, image.kind) != (*size, kind)
        assert isinstance(told.value, Halfway) == is_changed
        assert ("Edit > Undo" in told.value.said(str)) == is_changed
        assert image.layers == before, (number, name)
        assert all(layer.visible for layer in image.layers)
        assert image.depth == 0
        assert all(not made.valid for made in MADE)
        if canvas is not Canvas.SCALE or "insert_layer" not in calls[: number - 1]:
            assert (image.width, image.height) == size


def test_what_cannot_be_inserted_is_found_out_before_the_image_is_scaled() -> None:
    CALLS.reset()
    outcome(image_with("high", "low"), Canvas.SCALE)
    tried, scaled = CALLS.made.index("insert_layer"), CALLS.made.index("scale")
    assert tried < scaled
    image = image_with("high", "low")
    CALLS.reset(tried)
    with pytest.raises(Complaint):
        outcome(image, Canvas.SCALE)
    assert (image.width, image.height) == (40, 30)


@pytest.mark.parametrize("canvas", [c for c in Canvas if c is not Canvas.NEW])
def test_all_is_one_step_of_undo(canvas: Canvas) -> None:
    CALLS.reset()
    image = image_with("high", "low")
    outcome(image, canvas)
    assert (image.groups, image.depth) == (1, 0)
    assert [layer.name for layer in image.layers] == ["made", "high", "made", "low"]


def test_a_layer_has_all_before_it_is_inserted() -> None:
    CALLS.reset()
    image = image_with("only")
    (made,) = insert(image, [result(image.layers[0], x=3)], Canvas.KEEP).layers
    assert CALLS.made[-1] == "insert_layer"
    assert image.layers[1].visible
    assert CALLS.made.count("insert_layer") == 1
    assert made.at == (3, 0)
    assert made.mask is not None
    assert made.parasites == [("scalediff-recipe", 3, b"{}")]


def test_a_layer_gets_no_recipe_if_none_is_wanted() -> None:
    CALLS.reset()
    image = image_with("only")
    for canvas in (Canvas.KEEP, Canvas.NEW):
        made = insert(image, [replace(result(image.layers[0]), recipe="")], canvas)
        assert made.layers[0].parasites == []
        assert made.has_recipes  # all that were wanted


@pytest.mark.parametrize("recipe", ["{}", "{'title': 'Слой'}"])
def test_a_layer_is_inserted_without_its_recipe_if_that_cannot_be_saved(recipe: str) -> None:
    CALLS.reset()
    insert(image_with("only"), [result(None)], Canvas.KEEP)
    refused = CALLS.made.index("attach_parasite")
    CALLS.reset(*([refused] if recipe == "{}" else []))
    image = image_with("only")
    made = insert(image, [replace(result(image.layers[0]), recipe=recipe)], Canvas.KEEP)
    assert [layer.name for layer in image.layers] == ["made", "only"]
    assert not made.has_recipes


@pytest.mark.parametrize(
    ("change", "canvas", "is_whole", "shows"),
    [
        ({}, Canvas.KEEP, True, True),
        ({"mode": "normal_legacy"}, Canvas.KEEP, True, True),
        ({"mode": "multiply"}, Canvas.KEEP, True, False),
        ({"opacity": 99.0}, Canvas.GROW, True, False),
        ({"filters": [fake_gimp.Effect(visible=True)]}, Canvas.IN_PLACE, True, False),
        ({"filters": [fake_gimp.Effect(visible=False)]}, Canvas.KEEP, True, True),
        ({"mode": "multiply"}, Canvas.KEEP, False, True),
        ({"mode": "multiply"}, Canvas.NEW, True, True),
    ],
)
def test_a_source_whose_effect_would_be_there_twice_is_hidden(
    change: dict[str, object], canvas: Canvas, is_whole: bool, shows: bool
) -> None:
    CALLS.reset()
    image = image_with("only")
    source = image.layers[0]
    vars(source).update(change)
    factor = 1 if canvas is Canvas.IN_PLACE else 2
    found = result(source, factor=factor, is_whole=is_whole)
    (made,) = insert(image, [found], canvas).layers
    assert source.visible == shows
    assert (made.visible, made.mode, made.opacity) == (True, source.mode, source.opacity)


def test_blending_is_that_of_the_source() -> None:
    CALLS.reset()
    image = image_with("only")
    source = image.layers[0]
    source.mode = "multiply"
    source.blending = {
        "blend_space": "rgb_linear",
        "composite_space": "rgb_perceptual",
        "composite_mode": "union",
    }
    (made,) = insert(image, [result(source)], Canvas.KEEP).layers
    assert made.blending == source.blending
    CALLS.reset()
    (recent,) = insert(image, [replace(result(source), blends_as_source=False)], Canvas.KEEP).layers
    assert (recent.mode, set(recent.blending.values())) == ("normal", {"auto"})


def test_a_source_that_is_gone_leaves_the_result_on_top() -> None:
    CALLS.reset()
    image = image_with("other")
    gone = Layer(image, "gone", 10, 8)
    gone.valid = False
    insert(image, [result(gone)], Canvas.KEEP)
    assert [layer.name for layer in image.layers] == ["made", "other"]


def test_a_new_image_leaves_the_old_one_alone() -> None:
    CALLS.reset()
    image = image_with("high", "low")
    made = insert(image, [result(image.layers[0])], Canvas.NEW)
    assert made.is_new
    assert made.image is not image
    assert made.image.undo
    assert (image.groups, len(image.layers)) == (0, 2)


def test_a_result_without_an_image_becomes_one() -> None:
    CALLS.reset()
    made = new_image(result(None, masked=False))
    assert (made.image.width, made.image.height, len(made.image.layers)) == (20, 16, 1)
    for number in range(CALLS.made.index("attach_parasite")):
        MADE.clear()
        CALLS.reset(number)
        with pytest.raises(Complaint):
            new_image(result(None, masked=False))
        assert all(not each.valid for each in MADE)


def test_the_fake_refuses_as_gimp_does() -> None:
    CALLS.reset(0)
    assert fake_gimp.Layer.new(Image(), "x", 1, 1, 0, 100.0, "normal") is None
    CALLS.reset(0)
    assert Image().scale(1, 1) is False
