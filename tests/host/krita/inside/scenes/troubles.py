"""Whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import os

from stage import LAYER, QUICK, environ_home, fingerprint, names, picture, pixels

from .parts import same_samples, scenario, the_layer


@scenario
def a_document_closed_in_the_middle(stage):
    other, _ = yield from stage.document(48, 40, name="Другой 其他")
    document, layer = yield from stage.document(name="Закрытие 关")
    before = fingerprint(other)
    stage.user("accept", "keep")
    stage.act("scalediff_upscale")
    (order,) = stage.plugin.orders
    yield from stage.until(lambda: order.phase.value == "dialog")
    stage.close(document)
    yield from stage.done()
    assert fingerprint(other) == before
    assert not stage.said()
    result, job = stage.result()
    assert job.title == LAYER
    assert result.header.width == 192


@scenario
def a_large_layer_is_taken_as_it_was_though_its_document_is_painted_on_and_closed(stage):
    document, layer = yield from stage.document(name="Закрытие 关")
    row = bytes(range(256)) * 32
    layer.setPixelData(row * 2048, 0, 0, 2048, 2048)
    yield from stage.settle(document)
    stage.user("discard")
    sent = []
    stage.sees_uploads(sent)
    stage.act("scalediff_upscale")
    (order,) = stage.plugin.orders
    assert order.phase.value == "starting"
    layer.setPixelData(bytes(4 * 2048 * 1024), 0, 1024, 2048, 1024)
    stage.close(document)
    yield from stage.done()
    assert not stage.said()
    assert sent == [hashlib.sha256(row * 2048).hexdigest()]


@scenario
def two_documents_at_once_get_their_own(stage):
    stage.user("accept", "keep", {**QUICK, "steps": 16})
    one, _ = yield from stage.document(name="One")
    stage.act("scalediff_upscale")
    two, _ = yield from stage.document(64, 48, "GRAYA", "U8", name="Two")
    stage.act("scalediff_upscale")
    assert len(stage.plugin.orders) == 2
    yield from stage.done()
    assert not stage.said()
    jobs = {job.source_width: job for job in stage.client().jobs().jobs[:2]}
    for document, width in ((one, 96), (two, 64)):
        result = stage.client().result(jobs[width].id)
        same_samples(the_layer(document, f"{LAYER} 2x"), result, 0, 0)


@scenario
def painting_goes_on_meanwhile(stage):
    document, layer = yield from stage.document()
    stage.user("accept", "keep")
    stage.act("scalediff_upscale")
    sent = picture(96, 64, "RGBA", "U8")
    yield from stage.until(lambda: stage.plugin.orders[0].phase.value == "dialog")
    layer.setPixelData(bytes([1, 2, 3, 255]) * 100, 0, 0, 10, 10)
    node = document.createNode("Neuf 新", "paintlayer")
    yield from stage.add(document, node)
    yield from stage.done()
    result, job = stage.result()
    assert bytes(stage.client().image(job.image).samples) == sent
    assert names(document) == [LAYER, f"{LAYER} 2x", "Neuf 新"]
    assert pixels(layer, 0, 0, 1, 1) == bytes([1, 2, 3, 255])


@scenario
def the_source_is_deleted_meanwhile(stage):
    document, layer = yield from stage.document()
    node = document.createNode("Reste 留", "paintlayer")
    yield from stage.add(document, node)
    yield from stage.activate(document, layer)
    stage.user("accept", "keep")
    stage.act("scalediff_upscale")
    yield from stage.until(lambda: stage.plugin.orders[0].phase.value == "dialog")
    layer.remove()
    yield from stage.done()
    assert names(document) == ["Reste 留", f"{LAYER} 2x"]


@scenario
def a_dialog_that_crashes_is_told_of(stage):
    document, layer = yield from stage.document()
    before = fingerprint(document)
    stage.user("crash")
    stage.act("scalediff_upscale")
    yield from stage.done()
    (said,) = stage.dismiss()
    assert "The dialog ended by itself" in said
    assert fingerprint(document) == before


@scenario
def an_engine_killed_while_the_dialog_is_open(stage):
    document, layer = yield from stage.document()
    before = fingerprint(document)
    stage.user("wait")
    stage.act("scalediff_upscale")
    (order,) = stage.plugin.orders
    yield from stage.until(lambda: order.phase.value == "dialog")
    yield from stage.outside("kill")
    yield from stage.outside("start")
    yield from stage.done(90)
    (said,) = stage.dismiss()
    assert "ended unexpectedly" in said, said
    assert fingerprint(document) == before
    stage.user("accept", "keep")
    yield from stage.upscaled()
    assert f"{LAYER} 2x" in names(document)


@scenario
def an_engine_killed_while_it_works_goes_on(stage):
    from scalediff.client.messages import UpscaleSettings
    from scalediff.plugin_common.placement import Canvas
    from scalediff.remembered import remember, remember_canvas

    document, layer = yield from stage.document()
    settings = UpscaleSettings(scale=2.0, preset="fast", steps=30, seed=7)
    remember(stage.app, "layer", settings)
    remember_canvas(stage.app, Canvas.SCALE, Canvas.KEEP)
    stage.act("scalediff_repeat")
    (order,) = stage.plugin.orders
    yield from stage.until(lambda: order.progress is not None)
    yield from stage.outside("kill")
    yield from stage.outside("start")
    yield from stage.done(90)
    assert not stage.said(), stage.said()
    result, _ = stage.result()
    same_samples(the_layer(document, f"{LAYER} 2x"), result, 0, 0)


@scenario
def nothing_is_installed(stage):
    document, layer = yield from stage.document()
    before = fingerprint(document)
    back = environ_home(stage.folder / "nobody")
    try:
        stage.act("scalediff_upscale")
        yield from stage.done()
        (said,) = stage.said()
        assert "not installed yet" in said
        (box,) = stage.boxes()
        assert "There is no" in box.informativeText() or "no command" in box.informativeText()
        labels = [button.text().replace("&", "") for button in stage.buttons()]
        assert "Show the Instructions" in labels
        assert "Try Again" in labels
        assert fingerprint(document) == before
    finally:
        back()
    stage.user("accept", "keep")
    again = next(one for one in stage.buttons() if one.text().replace("&", "") == "Try Again")
    again.click()
    yield
    assert not stage.said()
    yield from stage.done()
    assert f"{LAYER} 2x" in names(document)


@scenario
def versions_do_not_match(stage):
    from scalediff.client.places import EngineRecord, Places, write_engine

    document, layer = yield from stage.document()
    before = fingerprint(document)
    home = stage.folder / "newer"
    write_engine(Places(home), EngineRecord(os.getpid(), 9, "t", 99, "9.9", 0.0))
    back = environ_home(home)
    try:
        stage.act("scalediff_upscale")
        yield from stage.done()
    finally:
        back()
    (said,) = stage.dismiss()
    assert "version 1 of the wire and the engine 99: update the plug-in" in said
    assert fingerprint(document) == before
