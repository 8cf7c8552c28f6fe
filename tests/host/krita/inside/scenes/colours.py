"""Layers of all depths and colour models, byte for byte."""

from __future__ import annotations

from array import array
from pathlib import Path

from krita import Krita
from scalediff import recipes, scratch
from scalediff.plugin_common.recipe import LayerRecipe
from scalediff.spaces import Space, space_of

from stage import names, pixels, rect

from .parts import SCENARIOS, redo, same_samples, scenario, the_layer, undo


@scenario
def a_layer_becomes_a_layer_above(stage):
    document, layer = yield from stage.document()
    layer.setName("Небо 天空")
    top = document.createNode("Верх 上", "paintlayer")
    yield from stage.add(document, top)
    yield from stage.activate(document, layer)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    result, job = stage.result()
    assert (result.header.width, result.header.height) == (192, 128)
    assert (result.header.order, result.header.depth, result.header.alpha) == (
        "bgr", "u8", "straight",
    )  # fmt: skip
    yield from stage.settle(document)
    assert names(document) == ["Небо 天空", "Небо 天空 2x", "Верх 上"], names(document)
    same_samples(the_layer(document, "Небо 天空 2x"), result, 0, 0)
    assert (document.width(), document.height()) == (96, 64)
    held = recipes.recipe_of(document, the_layer(document, "Небо 天空 2x"))
    assert isinstance(held, LayerRecipe)
    assert (held.settings, held.source) == (job.settings, "Небо 天空")
    yield from undo(stage, document)
    assert names(document) == ["Небо 天空", "Верх 上"]
    yield from redo(stage, document)
    same_samples(the_layer(document, "Небо 天空 2x"), result, 0, 0)
    again = stage.reopened(document)
    same_samples(the_layer(again, "Небо 天空 2x"), result, 0, 0)
    assert recipes.recipe_of(again, the_layer(again, "Небо 天空 2x")) == held
    told = stage.notes()["session"]
    assert told["host"] == "krita"
    assert told["title"] == "Небо 天空"
    assert told["options"]["canvas_choices"] == "keep,grow,scale,new"
    assert told["options"]["theme"] in ("dark", "light")


def depth_scenario(model, depth, profile=""):
    def scenario_of_depth(stage):
        document, layer = yield from stage.document(64, 48, model, depth, profile)
        layer.setName("L")
        stage.user("accept", "keep")
        yield from stage.upscaled()
        result, _ = stage.result()
        yield from stage.settle(document)
        node = the_layer(document, "L 2x")
        assert space_of(node) == space_of(document)
        assert (node.colorModel(), node.colorDepth()) == (model, depth)
        same_samples(node, result, 0, 0)
        assert result.header.depth == depth.lower()
        assert result.header.order == ("bgr" if model == "RGBA" and depth[0] == "U" else "rgb")
        file = Path("/usr/share/color/icc/krita") / document.colorProfile()
        assert not file.exists() or result.icc == file.read_bytes(), "another profile"
        if profile:
            assert document.colorProfile() == profile
        again = stage.reopened(document)
        same_samples(the_layer(again, "L 2x"), result, 0, 0)

    SCENARIOS[f"{model.lower()}_{depth.lower()}{'_wide' if profile else ''}"] = scenario_of_depth


for wanted in (
    ("RGBA", "U16"),
    ("RGBA", "F16"),
    ("RGBA", "F32"),
    ("GRAYA", "U8"),
    ("GRAYA", "U16"),
    ("GRAYA", "F16"),
    ("GRAYA", "F32"),
    ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc"),
    ("RGBA", "U16", "Rec2020-elle-V4-g10.icc"),
):
    depth_scenario(*wanted)


def converted_scenario(model, depth):
    sent = "F32" if depth[0] == "F" else "U16"

    def scenario_of_model(stage):
        document, layer = yield from stage.document(64, 48, model, depth)
        layer.setName("L")
        before = pixels(layer, 0, 0, 64, 48)
        stage.user("accept", "keep")
        yield from stage.upscaled()
        result, _ = stage.result()
        assert (result.header.model, result.header.depth) == ("rgb", sent.lower())
        yield from stage.settle(document)
        node = the_layer(document, "L 2x")
        assert space_of(node) == space_of(document)
        rgb = Space("RGBA", sent, "ClayRGB-elle-V2-g22.icc")
        expected = bytes(
            scratch.converted(Krita.instance(), result.samples, 128, 96, rgb, space_of(document))
        )
        assert rect(node) == (0, 0, 128, 96)
        assert pixels(node, 0, 0, 128, 96) == expected
        assert pixels(layer, 0, 0, 64, 48) == before
        again = stage.reopened(document)
        assert pixels(the_layer(again, "L 2x"), 0, 0, 128, 96) == expected
        assert again.colorModel() == model
        # each pixel, enlarged, is about the colour that it was: in RGB, where inks do not matter
        mine = scratch.converted(Krita.instance(), before, 64, 48, space_of(document), rgb)
        kind, white = ("f", 1) if sent == "F32" else ("H", 0xFFFF)
        small, large = array(kind, bytes(mine)), array(kind, bytes(result.samples))
        off = [
            abs(small[4 * (64 * y + x) + c] - large[4 * (256 * y + 2 * x) + c])
            for y in range(48)
            for x in range(64)
            for c in range(3)
        ]
        assert sum(off) / len(off) < 0.08 * white, sum(off) / len(off) / white

    SCENARIOS[f"{model.lower()}_{depth.lower()}"] = scenario_of_model


for wanted in (
    ("CMYKA", "U8"),
    ("CMYKA", "U16"),
    ("CMYKA", "F32"),
    ("LABA", "U8"),
    ("LABA", "U16"),
    ("LABA", "F32"),
):
    converted_scenario(*wanted)


@scenario
def a_layer_in_a_space_of_its_own(stage):
    document, layer = yield from stage.document(64, 48)
    assert layer.setColorSpace("RGBA", "U16", "Rec2020-elle-V4-g10.icc")
    layer.setName("L")
    yield from stage.settle(document)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    result, _ = stage.result()
    assert result.header.depth == "u16"
    node = the_layer(document, "L 2x")
    assert space_of(node) == space_of(document)
    wide = Space("RGBA", "U16", "Rec2020-elle-V4-g10.icc")
    expected = scratch.converted(
        Krita.instance(), result.samples, 128, 96, wide, space_of(document)
    )
    assert pixels(node, 0, 0, 128, 96) == bytes(expected)
