"""Selections, places, and what becomes of the canvas."""

from __future__ import annotations

from scalediff.spaces import space_of

from stage import LAYER, fingerprint, names, picture, pixels, rect

from .parts import SCENARIOS, redo, same_samples, scenario, the_layer, undo


@scenario
def a_selection_goes_where_it_was(stage):
    document, layer = yield from stage.document()
    stage.select(document, 30, 20, 40, 32)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    result, _ = stage.result()
    assert (result.header.width, result.header.height) == (80, 64)
    node = the_layer(document, f"{LAYER} 2x")
    same_samples(node, result, 30, 20)
    again = stage.reopened(document)
    same_samples(the_layer(again, f"{LAYER} 2x"), result, 30, 20)


@scenario
def a_feathered_selection_is_the_transparency(stage):
    document, layer = yield from stage.document()
    selection = stage.select(document, 30, 20, 40, 30, feather=5)
    x, y, w, h = selection.x(), selection.y(), selection.width(), selection.height()
    mask = bytes(selection.pixelData(x, y, w, h))
    assert 0 < sum(mask) < 255 * len(mask)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    result, _ = stage.result()
    assert (result.header.width, result.header.height) == (2 * w, 2 * h)
    node = the_layer(document, f"{LAYER} 2x")
    got, samples = pixels(node, x, y, 2 * w, 2 * h), bytes(result.samples)
    assert set(samples[3::4]) == {255}
    alpha = got[3::4]
    for row in range(h):
        for column in range(w):
            at = 4 * row * w + 2 * column
            four = [alpha[at], alpha[at + 1], alpha[at + 2 * w], alpha[at + 2 * w + 1]]
            nearby = [
                mask[r * w + c]
                for r in range(max(0, row - 1), min(h, row + 2))
                for c in range(max(0, column - 1), min(w, column + 2))
            ]
            assert all(min(nearby) - 1 <= one <= max(nearby) + 1 for one in four)
    for channel in range(3):
        pairs = zip(got[channel::4], samples[channel::4], alpha)
        assert all(one == other for one, other, a in pairs if a)
    again = stage.reopened(document)
    assert pixels(the_layer(again, f"{LAYER} 2x"), x, y, 2 * w, 2 * h) == got


def canvas_scenario(canvas, size, at, steps):
    def scenario_of_canvas(stage):
        document, layer = yield from stage.document()
        stage.select(document, 40, 30, 48, 32)
        yield from stage.settle(document)
        document.setModified(False)
        stage.user("accept", canvas)
        told = stage.heard_notes()
        yield from stage.upscaled()
        yield from stage.settle(document)
        result, _ = stage.result()
        assert len(told) == 2
        assert told[0] == "Starting ScaleDiff..."
        assert ("Undo twice: the layer, then the canvas" in told[1]) == (steps == 2), told
        assert (document.width(), document.height()) == size
        node = the_layer(document, f"{LAYER} 2x")
        same_samples(node, result, *at)
        for _ in range(steps):
            yield from undo(stage, document)
        assert (document.width(), document.height()) == (96, 64)
        assert names(document) == [LAYER], names(document)
        for _ in range(steps):
            yield from redo(stage, document)
        same_samples(the_layer(document, f"{LAYER} 2x"), result, *at)
        again = stage.reopened(document)
        assert (again.width(), again.height()) == size
        same_samples(the_layer(again, f"{LAYER} 2x"), result, *at)

    SCENARIOS[f"canvas_{canvas}"] = scenario_of_canvas


canvas_scenario("keep", (96, 64), (40, 30), 1)


canvas_scenario("grow", (136, 94), (40, 30), 2)


canvas_scenario("scale", (192, 128), (80, 60), 2)


@scenario
def canvas_new(stage):
    document, layer = yield from stage.document()
    before = fingerprint(document)
    stage.user("accept", "new")
    yield from stage.upscaled()
    result, _ = stage.result()
    assert fingerprint(document) == before
    made = stage.app.activeDocument()
    assert made is not None
    assert made != document
    assert (made.width(), made.height()) == (192, 128)
    assert space_of(made) == space_of(document)
    assert names(made) == [f"{LAYER} 2x"], "an empty layer lies beneath"
    same_samples(the_layer(made, f"{LAYER} 2x"), result, 0, 0)
    yield from stage.until(
        lambda: bytes(made.pixelData(0, 0, 192, 128)) == bytes(result.samples), 10
    )
    again = stage.reopened(made)
    same_samples(the_layer(again, f"{LAYER} 2x"), result, 0, 0)


@scenario
def a_layer_that_juts_out_makes_the_canvas_grow_to_the_left(stage):
    document, layer = yield from stage.document()
    node = document.createNode("Débord 外", "paintlayer")
    node.setPixelData(picture(40, 40, "RGBA", "U8"), -16, -8, 40, 40)
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    stage.user("accept", "grow")
    yield from stage.upscaled()
    yield from stage.settle(document)
    result, _ = stage.result()
    assert (document.width(), document.height()) == (112, 80)
    same_samples(the_layer(document, "Débord 外 2x"), result, 0, 0)
    assert rect(the_layer(document, "Débord 外")) == (0, 0, 40, 40)
    assert pixels(layer, 16, 8, 96, 64) == picture(96, 64, "RGBA", "U8")
    # the recipe knows where the source is now
    yield from stage.activate(document, the_layer(document, "Débord 外 2x"))
    stage.user("accept", "keep", settings={})
    yield from stage.upscaled("scalediff_rerun")
    _, second = stage.result()
    assert bytes(stage.client().image(second.image).samples) == picture(40, 40, "RGBA", "U8")


@scenario
def in_place_gives_detail_at_the_same_size(stage):
    document, layer = yield from stage.document()
    stage.select(document, 30, 20, 40, 32)
    stage.user("accept")
    yield from stage.upscaled("scalediff_in_place")
    yield from stage.settle(document)
    result, job = stage.result()
    assert not job.settings.source_lock
    told = stage.notes()["session"]["options"]
    assert told["canvas"] == "in-place"
    assert "canvas_choices" not in told
    node = the_layer(document, f"{LAYER} in place")
    assert rect(node) == (30, 20, 40, 32)
    got, samples = pixels(node, 30, 20, 40, 32), bytes(result.samples)
    means = []
    for y in range(32):
        for x in range(40):
            at = [4 * (80 * (2 * y + dy) + 2 * x + dx) for dy in (0, 1) for dx in (0, 1)]
            means.append(abs(got[4 * (40 * y + x)] - sum(samples[i] for i in at) / 4))
    assert sum(means) / len(means) < 6, sum(means) / len(means)
    assert pixels(layer, 30, 20, 40, 32) != got
    assert (document.width(), document.height()) == (96, 64)


@scenario
def in_place_of_a_feathered_selection_and_again(stage):
    document, layer = yield from stage.document()
    selection = stage.select(document, 30, 20, 40, 30, feather=5)
    x, y, w, h = selection.x(), selection.y(), selection.width(), selection.height()
    mask = bytes(selection.pixelData(x, y, w, h))
    stage.user("accept")
    yield from stage.upscaled("scalediff_in_place")
    yield from stage.settle(document)
    _, first = stage.result()
    assert pixels(the_layer(document, f"{LAYER} in place"), x, y, w, h)[3::4] == mask
    yield from undo(stage, document)
    assert names(document) == [LAYER]
    yield from stage.activate(document, layer)
    stage.user("crash")
    yield from stage.upscaled("scalediff_repeat")
    assert stage.notes() is None, "a dialog was opened"
    _, second = stage.result()
    assert (second.id != first.id, second.settings) == (True, first.settings)
    assert pixels(the_layer(document, f"{LAYER} in place"), x, y, w, h)[3::4] == mask
