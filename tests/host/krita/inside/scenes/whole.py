"""With the real dialog, and at the end of Krita; see ``driver.py``."""

from __future__ import annotations

from scalediff.client.messages import UpscaleSettings
from scalediff.plugin_common.placement import Canvas
from scalediff.remembered import remember, remember_canvas

from stage import LAYER, QUICK

from .parts import same_samples, the_layer

SCENARIOS = {}


def scenario(function):
    """Have a function run, by its name."""
    SCENARIOS[function.__name__] = function
    return function


@scenario
def the_real_dialog_is_accepted(stage):
    document, layer = yield from stage.document()
    stage.user("person", "grow")
    stage.act("scalediff_upscale")
    yield from stage.done(150)
    assert not stage.said(), stage.said()
    result, job = stage.result()
    assert job.settings.preset == "fast"
    yield from stage.settle(document)
    width, height = result.header.width, result.header.height
    assert (width, height) == (4 * 96, 4 * 64)
    assert (document.width(), document.height()) == (width, height)
    same_samples(the_layer(document, f"{LAYER} 4x"), result, 0, 0)


@scenario
def krita_is_left_in_the_middle(stage):
    """The last one: Krita ends as a user ends it, with a job and a dialog under way."""
    document, layer = yield from stage.document()
    stage.user("person", "grow")
    stage.act("scalediff_upscale")
    client = stage.client()
    yield from stage.until(lambda: client.health().running)
    (stage.folder / "leaving").touch()
    document.setModified(False)
    stage.act("file_quit")
    yield from stage.until(lambda: False, 30)


@scenario
def the_engine_is_started_when_it_is_needed(stage):
    document, _ = yield from stage.document()
    assert stage.plugin.orders == []
    remember(stage.app, "layer", UpscaleSettings(**QUICK))
    remember_canvas(stage.app, Canvas.SCALE, Canvas.KEEP)
    stage.act("scalediff_repeat")
    yield from stage.done(120)
    assert not stage.said(), stage.said()
    result, _ = stage.result()
    yield from stage.settle(document)
    same_samples(the_layer(document, f"{LAYER} 2x"), result, 0, 0)
