"""Once more: the same, from a recipe, from the results of the last day."""

from __future__ import annotations

from krita import Krita
from scalediff import scratch
from scalediff.spaces import space_of

from stage import LAYER, names, pixels

from .parts import same_samples, scenario, the_layer, undo


@scenario
def repeat_upscales_without_a_dialog(stage):
    document, layer = yield from stage.document()
    stage.user("accept", "grow")
    yield from stage.upscaled()
    _, first = stage.result()
    yield from undo(stage, document)
    yield from undo(stage, document)
    assert (document.width(), document.height()) == (96, 64)
    stage.user("crash")
    yield from stage.upscaled("scalediff_repeat")
    assert stage.notes() is None, "a dialog was opened"
    result, second = stage.result()
    assert second.id != first.id
    assert second.settings == first.settings
    yield from stage.settle(document)
    assert (document.width(), document.height()) == (192, 128)
    same_samples(the_layer(document, f"{LAYER} 2x"), result, 0, 0)


@scenario
def rerun_begins_with_the_recipe(stage):
    document, layer = yield from stage.document()
    stage.select(document, 30, 20, 40, 32)
    stage.user("accept", "keep")
    yield from stage.upscaled()
    _, first = stage.result()
    made = the_layer(document, f"{LAYER} 2x")
    document.setSelection(None)
    yield from stage.activate(document, made)
    stage.user("accept", "keep", settings={})
    yield from stage.upscaled("scalediff_rerun")
    told = stage.notes()["session"]["settings"]
    assert (told["seed"], told["steps"], told["preset"]) == (7, 1, "fast")
    result, second = stage.result()
    sent = [stage.client().image(job.image) for job in (first, second)]
    assert bytes(sent[0].samples) == bytes(sent[1].samples)
    twice = [node for node in document.topLevelNodes() if node.name() == f"{LAYER} 2x"]
    assert len(twice) == 2
    for node in twice:
        same_samples(node, result, 30, 20)


@scenario
def rerun_works_after_the_document_was_opened_again(stage):
    document, layer = yield from stage.document()
    stage.user("accept", "keep")
    yield from stage.upscaled()
    again = stage.reopened(document)
    stage.close(document)
    stage.app.activeWindow().addView(again)
    yield from stage.activate(again, the_layer(again, f"{LAYER} 2x"))
    stage.user("accept", "keep", settings={})
    yield from stage.upscaled("scalediff_rerun")
    assert names(again).count(f"{LAYER} 2x") == 2


@scenario
def rerun_says_that_its_source_is_gone(stage):
    document, layer = yield from stage.document()
    stage.user("accept", "keep")
    yield from stage.upscaled()
    made = the_layer(document, f"{LAYER} 2x")
    layer.remove()
    yield from stage.activate(document, made)
    stage.act("scalediff_rerun")
    yield
    (said,) = stage.dismiss()
    assert "which is not a layer of this document" in said


@scenario
def a_recent_result_is_inserted(stage):
    document, layer = yield from stage.document()
    stage.user("accept", "keep")
    yield from stage.upscaled()
    result, job = stage.result()
    stage.close(document)
    yield
    other, _ = yield from stage.document(80, 80, name="Другой 其他")
    stage.user("accept", "grow")
    yield from stage.upscaled("scalediff_recent")
    yield from stage.settle(other)
    told = stage.notes()["session"]
    assert (told["purpose"], told["image"]) == ("recent", "")
    assert names(other) == [LAYER, f"{LAYER} 2x"]
    assert (other.width(), other.height()) == (192, 128)
    same_samples(the_layer(other, f"{LAYER} 2x"), result, 0, 0)


@scenario
def a_recent_result_of_another_kind_is_converted(stage):
    document, layer = yield from stage.document(64, 48, "GRAYA", "U16")
    stage.user("accept", "keep")
    yield from stage.upscaled()
    result, job = stage.result()
    grey = space_of(document)
    stage.close(document)
    yield
    other, _ = yield from stage.document(64, 48, name="Другой 其他")
    stage.user("accept", "keep")
    yield from stage.upscaled("scalediff_recent")
    expected = scratch.converted(Krita.instance(), result.samples, 128, 96, grey, space_of(other))
    node = the_layer(other, f"{LAYER} 2x")
    assert pixels(node, 0, 0, 128, 96) == bytes(expected)
