"""Blending mode, opacity and inherited alpha are those of the source, and count once."""

from __future__ import annotations

from stage import names, picture, pixels

from .parts import scenario, the_layer, undo

NAME, ABOVE = "Тень 阴影", "Тень 阴影 in place"


def multiplied(stage, opacity=200):
    """A layer in Multiply over the first one, active."""
    document, layer = yield from stage.document()
    node = document.createNode(NAME, "paintlayer")
    node.setPixelData(picture(96, 64, "RGBA", "U8"), 0, 0, 96, 64)
    node.setBlendingMode("multiply")
    node.setOpacity(opacity)
    node.setInheritAlpha(True)
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    return document, node


@scenario
def blending_is_the_sources_and_does_not_count_twice(stage):
    document, node = yield from multiplied(stage)
    before = bytes(document.pixelData(0, 0, 96, 64))
    told = stage.heard_notes()
    stage.user("accept")
    yield from stage.upscaled("scalediff_in_place")
    yield from stage.settle(document)
    made = the_layer(document, ABOVE)
    assert (made.blendingMode(), made.opacity(), made.inheritAlpha()) == ("multiply", 200, True)
    assert not node.visible()
    assert f"“{NAME}” is hidden" in told[-1], told
    after = bytes(document.pixelData(0, 0, 96, 64))
    # the result is about its source, so the image is about what it was; twice would be darker
    off = [b - a for b, a in zip(before, after)]
    assert abs(sum(off) / len(off)) < 2, sum(off) / len(off)
    node.setVisible(True)
    yield from stage.settle(document)
    twice = [b - a for b, a in zip(before, bytes(document.pixelData(0, 0, 96, 64)))]
    assert sum(twice) / len(twice) > 10, "the scenario cannot tell once from twice"
    yield from undo(stage, document)
    assert names(document)[1:] == [NAME], "more than one step of undo"
    assert pixels(node, 0, 0, 96, 64) == picture(96, 64, "RGBA", "U8")


@scenario
def undo_takes_the_layer_and_then_the_canvas_back(stage):
    document, node = yield from multiplied(stage)
    stage.user("accept", "grow")
    yield from stage.upscaled()
    yield from stage.settle(document)
    assert the_layer(document, f"{NAME} 2x").blendingMode() == "multiply"
    assert (document.width(), document.height()) == (192, 128)
    yield from undo(stage, document)
    assert names(document)[1:] == [NAME]
    yield from undo(stage, document)
    assert (document.width(), document.height()) == (96, 64)


@scenario
def blending_of_a_part_is_told_of(stage):
    document, node = yield from multiplied(stage)
    stage.select(document, 30, 20, 40, 32)
    told = stage.heard_notes()
    stage.user("accept")
    yield from stage.upscaled("scalediff_in_place")
    made = the_layer(document, ABOVE)
    assert (made.blendingMode(), made.opacity(), made.inheritAlpha()) == ("multiply", 200, True)
    assert node.visible()
    assert f"It blends as “{NAME}” does" in told[-1], told
