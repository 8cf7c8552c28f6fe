"""Layers of all kinds go out as they are seen."""

from __future__ import annotations

from krita import Selection
from PyQt5.QtGui import QImage

from stage import info, names, picture, pixels, rect

from .parts import SCENARIOS, same_samples, scenario, the_layer


def kind_scenario(function):
    """A layer of some kind, whose picture is known, goes out as it is seen."""

    def scenario_of_kind(stage):
        document, layer = yield from stage.document()
        node, area, expected = yield from function(stage, document, layer)
        yield from stage.activate(document, node)
        stage.user("accept", "keep")
        yield from stage.upscaled()
        result, job = stage.result()
        sent = stage.client().image(job.image)
        assert (sent.header.width, sent.header.height) == area[2:], sent.header
        assert bytes(sent.samples) == expected(), "other pixels were sent"
        name = f"{job.title} 2x"
        made, (x, y) = the_layer(document, name), area[:2]
        if set(expected()[3::4]) == {255}:
            same_samples(made, result, x, y)
        else:  # what is transparent does not count as a layer's edges
            wide, high = result.header.width, result.header.height
            assert pixels(made, x, y, wide, high) == bytes(result.samples), "other pixels"
        order = names(document)
        assert order.index(name) == order.index(node.name()) + 1, order

    SCENARIOS[function.__name__] = scenario_of_kind
    return function


@kind_scenario
def kind_group(stage, document, layer):
    group = document.createGroupLayer("Group")
    yield from stage.add(document, group)
    for number in range(2):
        node = document.createNode(f"P{number}", "paintlayer")
        node.setPixelData(picture(24, 20, "RGBA", "U8"), 8 + 24 * number, 6, 24, 20)
        group.addChildNode(node, None)
    yield from stage.settle(document)
    return group, (8, 6, 48, 20), lambda: bytes(group.projectionPixelData(8, 6, 48, 20))


@kind_scenario
def kind_vector(stage, document, layer):
    vector = document.createVectorLayer("Vector")
    yield from stage.add(document, vector)
    vector.addShapesFromSvg(
        '<svg width="64" height="48">'
        '<rect x="4" y="4" width="40" height="32" fill="#c02040"/></svg>'
    )
    yield from stage.until(lambda: vector.bounds().width() == 40, 10)
    yield from stage.settle(document)

    def expected():
        assert bytes(vector.projectionPixelData(10, 10, 1, 1)) == bytes([0x40, 0x20, 0xC0, 255])
        return bytes(vector.projectionPixelData(4, 4, 40, 32))

    return vector, (4, 4, 40, 32), expected


@kind_scenario
def kind_clone(stage, document, layer):
    source = document.createNode("Source", "paintlayer")
    source.setPixelData(picture(40, 32, "RGBA", "U8"), 8, 8, 40, 32)
    yield from stage.add(document, source)
    clone = document.createCloneLayer("Clone", source)
    yield from stage.add(document, clone)
    return clone, (8, 8, 40, 32), lambda: picture(40, 32, "RGBA", "U8")


@kind_scenario
def kind_file(stage, document, layer):
    file = stage.folder / "file.png"
    image = QImage(picture(48, 40, "RGBA", "U8"), 48, 40, QImage.Format.Format_ARGB32)
    assert image.save(str(file))
    if hasattr(document, "createFileLayer"):
        node = document.createFileLayer("File", str(file), "None")
    else:
        node = document.createNode("File", "filelayer")
        node.setProperties(str(file), "None")
    yield from stage.add(document, node)
    yield from stage.until(lambda: rect(node) == (0, 0, 48, 40), 10)
    yield from stage.settle(document)
    return node, (0, 0, 48, 40), lambda: bytes(node.projectionPixelData(0, 0, 48, 40))


@kind_scenario
def kind_fill(stage, document, layer):
    selection = Selection()
    selection.select(0, 0, 96, 64, 255)
    node = document.createFillLayer("Fill", "color", info(color="#336699"), selection)
    yield from stage.add(document, node)
    yield from stage.until(lambda: bytes(node.projectionPixelData(8, 8, 1, 1))[3] == 255, 10)
    return node, (0, 0, 96, 64), lambda: bytes([0x99, 0x66, 0x33, 255]) * (96 * 64)


@kind_scenario
def kind_with_a_filter_mask(stage, document, layer):
    selection = Selection()
    selection.select(0, 0, 96, 64, 255)
    mask = document.createFilterMask("Mask", stage.app.filter("invert"), selection)
    layer.addChildNode(mask, None)
    yield from stage.settle(document)
    before = picture(96, 64, "RGBA", "U8")
    seen = bytes(b if i % 4 == 3 else 255 - b for i, b in enumerate(before))
    return layer, (0, 0, 96, 64), lambda: seen


@kind_scenario
def kind_with_a_transparency_mask(stage, document, layer):
    stage.select(document, 0, 0, 48, 64)
    stage.act("add_new_transparency_mask")
    yield from stage.until(lambda: [one.type() for one in layer.childNodes()], 10)
    document.setSelection(None)
    yield from stage.settle(document)
    assert [one.type() for one in layer.childNodes()] == ["transparencymask"]
    before = picture(96, 64, "RGBA", "U8")

    def expected():
        seen = bytes(layer.projectionPixelData(0, 0, 96, 64))
        for y in (0, 63):
            row = 4 * 96 * y
            assert seen[row : row + 4 * 48] == before[row : row + 4 * 48]
            assert set(seen[row + 4 * 48 + 3 : row + 4 * 96 : 4]) == {0}
        return seen

    return layer, (0, 0, 96, 64), expected


@kind_scenario
def kind_locked(stage, document, layer):
    layer.setLocked(True)
    yield from stage.settle(document)
    return layer, (0, 0, 96, 64), lambda: picture(96, 64, "RGBA", "U8")


@kind_scenario
def kind_hidden(stage, document, layer):
    layer.setVisible(False)
    yield from stage.settle(document)
    return layer, (0, 0, 96, 64), lambda: picture(96, 64, "RGBA", "U8")


@scenario
def kind_mask_is_active(stage):
    """A mask has no picture: its layer is meant."""
    document, layer = yield from stage.document()
    selection = Selection()
    selection.select(0, 0, 96, 64, 255)
    mask = document.createFilterMask("Mask", stage.app.filter("invert"), selection)
    layer.addChildNode(mask, None)
    yield from stage.activate(document, mask)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    assert "Background 2x" in names(document)


@scenario
def kind_animated(stage):
    """Of two frames the one that is shown is taken."""
    document, layer = yield from stage.document()
    first = picture(96, 64, "RGBA", "U8")
    second = bytes(b if i % 4 == 3 else 255 - b for i, b in enumerate(first))
    layer.enableAnimation()
    yield from stage.settle(document)
    document.setCurrentTime(3)
    yield from stage.settle(document)
    stage.act("add_blank_frame")
    yield from stage.settle(document)
    layer.setPixelData(second, 0, 0, 96, 64)
    yield from stage.settle(document)
    for time, shown in ((3, second), (0, first)):
        document.setCurrentTime(time)
        yield from stage.activate(document, layer)
        stage.user("accept", "keep")
        yield from stage.upscaled()
        result, job = stage.result()
        assert bytes(stage.client().image(job.image).samples) == shown, "another frame"
        node = the_layer(document, f"Background #{time} 2x")
        assert not node.animated()
        same_samples(node, result, 0, 0)


@scenario
def inside_of_a_locked_group_it_goes_above_the_group(stage):
    document, layer = yield from stage.document()
    group = document.createGroupLayer("Group")
    yield from stage.add(document, group)
    inner = document.createNode("Inner", "paintlayer")
    inner.setPixelData(picture(40, 32, "RGBA", "U8"), 8, 8, 40, 32)
    group.addChildNode(inner, None)
    yield from stage.activate(document, inner)
    group.setLocked(True)
    yield from stage.settle(document)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    assert names(document) == ["Background", "Group", "Inner 2x"], names(document)


@scenario
def inside_of_a_group_it_stays_in_the_group(stage):
    document, layer = yield from stage.document()
    group = document.createGroupLayer("Group")
    yield from stage.add(document, group)
    inner = document.createNode("Inner", "paintlayer")
    inner.setPixelData(picture(40, 32, "RGBA", "U8"), 8, 8, 40, 32)
    group.addChildNode(inner, None)
    yield from stage.activate(document, inner)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    assert [node.name() for node in group.childNodes()] == ["Inner", "Inner 2x"]


@scenario
def the_visible_image(stage):
    document, layer = yield from stage.document()
    top = document.createNode("Top", "paintlayer")
    top.setPixelData(bytes([10, 200, 30, 255]) * 400, 20, 10, 20, 20)
    yield from stage.add(document, top)
    stage.select(document, 0, 0, 96, 64)
    seen = bytes(document.pixelData(0, 0, 96, 64))
    assert bytes([10, 200, 30, 255]) in seen
    yield from stage.activate(document, layer)
    stage.user("accept", "keep")
    yield from stage.upscaled("scalediff_upscale_image")
    result, job = stage.result()
    assert bytes(stage.client().image(job.image).samples) == seen
    assert names(document) == ["Background", "Top", "Drawing 2x"]
    same_samples(the_layer(document, "Drawing 2x"), result, 0, 0)
