"""Given up at any moment, a document is as it was."""

from __future__ import annotations

from stage import fingerprint

from .parts import SCENARIOS, scenario


def cancel_scenario(does, phase, action="scalediff_upscale", settings=None):
    """Given up at some moment, a document is as it was, bit for bit, and unmodified."""

    def scenario_of_cancel(stage):
        document, layer = yield from stage.document()
        if action == "scalediff_repeat":
            remember_slow(stage)
        before = fingerprint(document)
        assert not document.modified()
        stage.user(does, settings=settings)
        stage.act(action)
        (order,) = stage.plugin.orders
        if phase == "once":
            order.cancel()
        elif phase:
            yield from stage.until(lambda: order.phase.value == phase)
            if phase == "working":
                yield from stage.until(lambda: order.progress is not None)
            order.cancel()
        yield from stage.done()
        yield from stage.settle(document)
        assert fingerprint(document) == before
        assert not document.modified()
        assert not stage.said(), stage.said()
        client = stage.client()
        if phase == "working":
            yield from stage.until(lambda: client.jobs().jobs[0].state.value == "cancelled", 20)

    SCENARIOS[f"cancel_{does}_{phase or 'there'}"] = scenario_of_cancel


SLOW = {"scale": 4.0, "preset": "best", "steps": 60, "seed": 7}


def remember_slow(stage):
    from scalediff.client.messages import UpscaleSettings
    from scalediff.plugin_common.placement import Canvas
    from scalediff.remembered import remember, remember_canvas

    remember(stage.app, "layer", UpscaleSettings(**SLOW))
    remember_canvas(stage.app, Canvas.SCALE, Canvas.KEEP)


cancel_scenario("discard", "")


cancel_scenario("give-up", "", settings=SLOW)


cancel_scenario("wait", "once")


cancel_scenario("wait", "dialog")


cancel_scenario("repeat", "working", "scalediff_repeat")


@scenario
def cancel_while_the_pixels_are_being_sent(stage):
    document, layer = yield from stage.document()
    before = fingerprint(document)
    stage.user("crash")
    images = set(stage.home.glob("**/images/*"))
    opened = stage.halts_at_upload()
    stage.act("scalediff_upscale")
    (order,) = stage.plugin.orders
    yield from stage.until(opened.is_set)
    yield from stage.until(lambda: order.phase.value == "sending")
    yield from stage.pause(0.3)
    assert order.phase.value == "sending"
    order.cancel()
    yield from stage.outside("go-on")
    yield from stage.done()
    yield from stage.settle(document)
    assert fingerprint(document) == before
    assert stage.notes() is None, "a dialog was opened"
    assert not stage.said(), stage.said()
    assert set(stage.home.glob("**/images/*")) <= images, "an upload was left behind"


@scenario
def cancel_while_the_layer_is_being_put_in(stage):
    document, layer = yield from stage.document()
    before = fingerprint(document)
    for canvas in ("keep", "grow", "new"):
        stage.user("accept", canvas)
        stage.act("scalediff_upscale")
        (order,) = stage.plugin.orders
        yield from stage.until(lambda order=order: order.fetched is not None)
        order.cancel()
        yield from stage.done()
        yield from stage.settle(document)
        assert fingerprint(document) == before
        assert not document.modified()
        assert stage.app.documents() == [document]
        assert not stage.said(), stage.said()


@scenario
def a_job_in_the_background_is_left_alone(stage):
    document, layer = yield from stage.document()
    before = fingerprint(document)
    stage.user("background")
    stage.act("scalediff_upscale")
    yield from stage.done()
    assert fingerprint(document) == before
    assert not stage.said()
    client = stage.client()
    yield from stage.until(lambda: client.jobs().jobs[0].state.value == "done")
