"""Layers of all kinds go out as they are seen."""

from __future__ import annotations

import re

from krita import Selection
from PyQt5.QtGui import QImage

from stage import DRAWING, LAYER, info, names, picture, pixels, rect

from .parts import SCENARIOS, same_samples, scenario, the_layer

_CENTRE = '<transformedCenter type="pointf" x="50" y="30"/>'


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
    group = document.createGroupLayer("Groupe 组")
    yield from stage.add(document, group)
    for number in range(2):
        node = document.createNode(f"P{number}", "paintlayer")
        node.setPixelData(picture(24, 20, "RGBA", "U8"), 8 + 24 * number, 6, 24, 20)
        group.addChildNode(node, None)
    yield from stage.settle(document)
    return group, (8, 6, 48, 20), lambda: bytes(group.projectionPixelData(8, 6, 48, 20))


@kind_scenario
def kind_vector(stage, document, layer):
    vector = document.createVectorLayer("Вектор 矢")
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
    clone = document.createCloneLayer("Клон", source)
    yield from stage.add(document, clone)
    return clone, (8, 8, 40, 32), lambda: picture(40, 32, "RGBA", "U8")


@kind_scenario
def kind_file(stage, document, layer):
    file = stage.folder / "картина 图.png"
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
    node = document.createFillLayer("Заливка", "color", info(color="#336699"), selection)
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
    left = b"".join(before[4 * 96 * y :][: 4 * 48] for y in range(64))
    return layer, (0, 0, 48, 64), lambda: left


def seen_bounds(document, node):
    """Left, top, width and height of what a node shows on the canvas, pixel by pixel."""
    width, height = document.width(), document.height()
    alpha = bytes(node.projectionPixelData(0, 0, width, height))[3::4]
    seen = [divmod(at, width) for at, value in enumerate(alpha) if value]
    if not seen:  # Krita has not drawn it yet
        return 0, 0, 0, 0
    ys, xs = [y for y, _ in seen], [x for _, x in seen]
    return min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1


@kind_scenario
def kind_with_a_growing_mask(stage, document, layer):
    node = document.createNode("Flou 模糊", "paintlayer")
    node.setPixelData(picture(20, 16, "RGBA", "U8"), 36, 24, 20, 16)
    yield from stage.add(document, node)
    selection = Selection()
    selection.select(0, 0, 96, 64, 255)
    blur = stage.app.filter("gaussian blur")
    values = blur.configuration()
    values.setProperty("horizRadius", 9.0)
    values.setProperty("vertRadius", 9.0)
    blur.setConfiguration(values)
    node.addChildNode(document.createFilterMask("Flou 模糊", blur, selection), None)
    yield from stage.settle(document)
    area = seen_bounds(document, node)
    assert area[2] > 30, area
    return node, area, lambda: bytes(node.projectionPixelData(*area))


@kind_scenario
def kind_with_a_transform_mask(stage, document, layer):
    node = document.createNode("Сдвиг 移动", "paintlayer")
    node.setPixelData(picture(20, 16, "RGBA", "U8"), 8, 6, 20, 16)
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    stage.act("add_new_transform_mask")
    yield from stage.until(lambda: node.childNodes(), 10)
    (mask,) = node.childNodes()
    if not hasattr(mask, "fromXML"):  # Krita 5.1: the mask cannot be moved from here
        return node, (8, 6, 20, 16), lambda: picture(20, 16, "RGBA", "U8")
    text = mask.toXML()
    moved = re.sub(r"<transformedCenter [^>]*>", _CENTRE, text)
    assert moved != text
    assert mask.fromXML(moved)
    yield from stage.until(lambda: seen_bounds(document, node)[0] > 40, 10)
    yield from stage.settle(document)
    area = seen_bounds(document, node)
    return node, area, lambda: bytes(node.projectionPixelData(*area))


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
    assert f"{LAYER} 2x" in names(document)


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
        node = the_layer(document, f"{LAYER} #{time} 2x")
        assert not node.animated()
        same_samples(node, result, 0, 0)


@scenario
def inside_of_a_locked_group_it_goes_above_the_group(stage):
    document, layer = yield from stage.document()
    group = document.createGroupLayer("Groupe 组")
    yield from stage.add(document, group)
    inner = document.createNode("Intérieur 内", "paintlayer")
    inner.setPixelData(picture(40, 32, "RGBA", "U8"), 8, 8, 40, 32)
    group.addChildNode(inner, None)
    yield from stage.activate(document, inner)
    group.setLocked(True)
    yield from stage.settle(document)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    assert names(document) == [LAYER, "Groupe 组", "Intérieur 内 2x"], names(document)


@scenario
def inside_of_a_group_it_stays_in_the_group(stage):
    document, layer = yield from stage.document()
    group = document.createGroupLayer("Groupe 组")
    yield from stage.add(document, group)
    inner = document.createNode("Intérieur 内", "paintlayer")
    inner.setPixelData(picture(40, 32, "RGBA", "U8"), 8, 8, 40, 32)
    group.addChildNode(inner, None)
    yield from stage.activate(document, inner)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    assert [node.name() for node in group.childNodes()] == ["Intérieur 内", "Intérieur 内 2x"]


@scenario
def the_visible_image(stage):
    document, layer = yield from stage.document()
    top = document.createNode("Верх 上", "paintlayer")
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
    assert names(document) == [LAYER, "Верх 上", f"{DRAWING} 2x"]
    same_samples(the_layer(document, f"{DRAWING} 2x"), result, 0, 0)
