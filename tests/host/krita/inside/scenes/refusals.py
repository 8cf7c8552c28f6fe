"""What cannot be upscaled, and why."""

from __future__ import annotations

from krita import Selection
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLabel

from stage import LAYER, fingerprint, picture

from .parts import SCENARIOS, scenario


def refusal(function):
    """Something cannot be taken: one sentence, no order, and nothing has changed."""

    def scenario_of_refusal(stage):
        document, layer = yield from stage.document()
        words = yield from function(stage, document, layer)
        yield from stage.settle(document)
        before = fingerprint(document)
        stage.act("scalediff_upscale")
        yield
        assert not stage.plugin.orders
        formats = {one.textFormat() for box in stage.boxes() for one in box.findChildren(QLabel)}
        assert formats == {Qt.PlainText}, "a name could be taken for HTML"
        said = stage.dismiss()
        assert len(said) == 1
        assert words in said[0], said
        assert fingerprint(document) == before

    SCENARIOS[function.__name__] = scenario_of_refusal
    return function


@refusal
def refused_empty(stage, document, layer):
    node = document.createNode("Пусто 空", "paintlayer")
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    return "“Пусто 空” is empty"


@refusal
def refused_transparent(stage, document, layer):
    node = document.createNode("Прозрачный 透明", "paintlayer")
    node.setPixelData(picture(20, 20, "RGBA", "U8"), 8, 6, 20, 20)
    node.setPixelData(picture(20, 20, "RGBA", "U8"), 60, 40, 20, 20)
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    stage.select(document, 32, 10, 20, 20)
    return "“Прозрачный 透明” is transparent"


@refusal
def refused_hidden_by_its_mask(stage, document, layer):
    stage.select(document, 0, 0, 4, 4)
    stage.act("add_new_transparency_mask")
    yield from stage.until(lambda: layer.childNodes(), 10)
    document.setSelection(None)
    mask = layer.childNodes()[0]
    mask.setPixelData(bytes(96 * 64), 0, 0, 96, 64)
    yield from stage.activate(document, layer)
    return f"Nothing of “{LAYER}” is visible"


@refusal
def refused_hidden_group(stage, document, layer):
    group = document.createGroupLayer("Groupe 组")
    yield from stage.add(document, group)
    node = document.createNode("P", "paintlayer")
    node.setPixelData(picture(24, 20, "RGBA", "U8"), 8, 6, 24, 20)
    group.addChildNode(node, None)
    group.setVisible(False)
    yield from stage.activate(document, group)
    return "is hidden"


@refusal
def refused_pass_through(stage, document, layer):
    group = document.createGroupLayer("Groupe 组")
    yield from stage.add(document, group)
    node = document.createNode("P", "paintlayer")
    node.setPixelData(picture(24, 20, "RGBA", "U8"), 8, 6, 24, 20)
    group.addChildNode(node, None)
    group.setPassThroughMode(True)
    yield from stage.activate(document, group)
    return "passes through"


@refusal
def refused_filter_layer(stage, document, layer):
    selection = Selection()
    selection.select(0, 0, 96, 64, 255)
    node = document.createFilterLayer("Invert", stage.app.filter("invert"), selection)
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    return "is a filter layer"


@refusal
def refused_selection_beside_the_layer(stage, document, layer):
    node = document.createNode("Small", "paintlayer")
    node.setPixelData(picture(16, 16, "RGBA", "U8"), 0, 0, 16, 16)
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    stage.select(document, 50, 30, 20, 20)
    return "Nothing of the layer"


@scenario
def refused_without_a_document(stage):
    yield from stage.until(lambda: stage.app.activeDocument() is None)
    for action in ("scalediff_upscale", "scalediff_repeat", "scalediff_recent", "scalediff_rerun"):
        stage.act(action)
        yield
        (said,) = stage.dismiss()
        assert "No document is open" in said


@scenario
def refused_rerun_of_a_drawn_layer(stage):
    document, layer = yield from stage.document()
    stage.act("scalediff_rerun")
    yield
    (said,) = stage.dismiss()
    assert "has no recipe" in said
