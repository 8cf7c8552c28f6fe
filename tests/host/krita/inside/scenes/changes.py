"""The source is changed: while a dialog is open, or before it is re-run."""

from __future__ import annotations

from krita import Krita

from stage import LAYER, fingerprint, names, picture, pixels, rect

from .parts import SCENARIOS, same_samples, scenario, the_layer


def small(stage, document):
    """A layer that is smaller than the canvas, and active."""
    node = document.createNode("Деталь 细节", "paintlayer")
    node.setPixelData(picture(40, 32, "RGBA", "U8"), 10, 8, 40, 32)
    yield from stage.add(document, node)
    yield from stage.activate(document, node)
    return node


def sent_of(stage):
    """Size and samples of what was sent last."""
    result, job = stage.result()
    sent = stage.client().image(job.image)
    return (sent.header.width, sent.header.height), bytes(sent.samples)


@scenario
def a_result_follows_its_source_that_is_moved_meanwhile(stage):
    document, _ = yield from stage.document()
    node = yield from small(stage, document)
    stage.user("accept", "keep")
    stage.act("scalediff_upscale")
    node.move(node.position().x() + 15, node.position().y() - 3)
    document.waitForDone()
    yield from stage.done()
    assert not stage.said(), stage.said()
    result, _ = stage.result()
    same_samples(the_layer(document, "Деталь 细节 2x"), result, 25, 5)


@scenario
def a_result_follows_on_a_canvas_that_grows_meanwhile(stage):
    document, _ = yield from stage.document()
    yield from small(stage, document)
    stage.select(document, 20, 16, 24, 20)
    stage.user("accept", "keep")
    stage.act("scalediff_upscale")
    document.resizeImage(-7, -9, 120, 90)
    document.waitForDone()
    yield from stage.done()
    assert not stage.said(), stage.said()
    result, _ = stage.result()
    same_samples(the_layer(document, "Деталь 细节 2x"), result, 27, 25)


def asked_scenario(button, canvas, expected):
    def scenario_of_question(stage):
        document, layer = yield from stage.document()
        stage.user("accept", canvas)
        stage.act("scalediff_upscale")
        document.scaleImage(144, 96, 72, 72, "Bicubic")
        document.waitForDone()
        yield from stage.until(stage.said)
        (said,) = stage.said()
        assert "The image was 96x64" in said, said
        assert f"“{LAYER}”" in said
        assert "is 144x96 now" in said
        assert names(document) == [LAYER]
        if button:
            (found,) = [one for one in stage.buttons() if one.text().replace("&", "") == button]
            found.click()
        else:
            stage.dismiss()
        yield from stage.done()
        yield from stage.settle(document)
        assert not stage.said(), stage.said()
        assert (document.width(), document.height()) == (144, 96), "it was scaled again"
        assert names(document) == expected
        if button == "New Document":
            assert names(stage.app.activeDocument()) == [f"{LAYER} 2x"]

    label = button.lower().replace(" ", "_") or "closed"
    SCENARIOS[f"the_image_is_scaled_meanwhile_{label}"] = scenario_of_question


asked_scenario("Insert Here", "scale", [LAYER, f"{LAYER} 2x"])


asked_scenario("New Document", "keep", [LAYER])


asked_scenario("Do Not Insert", "in-place", [LAYER])


asked_scenario("", "grow", [LAYER])


def rerun_scenario(name, change, expected):
    """A whole layer and a part of it, re-run after a change: the part has its place, or is refused.

    Args:
        change: of the document and the layer
        expected: left and top of the part that was at 20, 16; none = it is refused
    """

    def scenario_of_rerun(stage):
        document, _ = yield from stage.document()
        node = yield from small(stage, document)
        stage.user("accept", "keep")
        yield from stage.upscaled()
        whole = the_layer(document, "Деталь 细节 2x")
        whole.setName("Целое 整")
        yield from stage.activate(document, node)
        stage.select(document, 20, 16, 24, 20)
        yield from stage.upscaled()
        part = the_layer(document, "Деталь 细节 2x")
        part.setName("Часть 部分")
        document.setSelection(None)
        change(document, node)
        yield from stage.settle(document)
        saved = stage.reopened(document)
        stage.app.activeWindow().addView(saved)
        again = the_layer(saved, "Деталь 细节")
        assert rect(again) == rect(node)
        stage.user("accept", "keep", settings={})
        yield from stage.activate(saved, the_layer(saved, "Целое 整"))
        yield from stage.upscaled("scalediff_rerun")
        left, top, width, height = rect(again)
        assert sent_of(stage) == ((width, height), pixels(again, left, top, width, height))
        yield from stage.activate(saved, the_layer(saved, "Часть 部分"))
        if expected is None:
            before = fingerprint(saved)
            stage.act("scalediff_rerun")
            yield
            (said,) = stage.dismiss()
            assert "“Часть 部分” was made of 24x20 at 20, 16 of “Деталь 细节”" in said, said
            assert fingerprint(saved) == before
        else:
            yield from stage.upscaled("scalediff_rerun")
            assert sent_of(stage) == ((24, 20), pixels(again, *expected, 24, 20))

    SCENARIOS[f"rerun_{name}"] = scenario_of_rerun


def paint(document, node):
    node.setPixelData(picture(30, 20, "RGBA", "U8"), 60, 40, 30, 20)


rerun_scenario("after_nothing_has_changed", lambda document, node: None, (20, 16))


rerun_scenario(
    "of_a_moved_source", lambda document, node: node.move(node.position().x() + 9, 4), (29, 20)
)


rerun_scenario(
    "on_a_grown_canvas",
    lambda document, node: document.resizeImage(-7, -9, 120, 90),
    (27, 25),
)


rerun_scenario("of_a_source_that_was_painted_on", paint, (20, 16))


rerun_scenario(
    "in_a_scaled_image",
    lambda document, node: document.scaleImage(144, 96, 72, 72, "Bicubic"),
    None,
)


@scenario
def what_begins_with_a_click_is_shown_at_once(stage):
    document, _ = yield from stage.document()
    stage.user("discard")
    told = stage.heard_notes()
    stage.act("scalediff_upscale")
    assert told == ["Starting ScaleDiff..."]
    yield from stage.done()
    stage.user("accept", "keep")
    yield from stage.upscaled()
    del told[:]
    stage.act("scalediff_repeat")
    assert told == ["Starting ScaleDiff..."]
    yield from stage.done()
    assert Krita.instance().activeDocument() == document
