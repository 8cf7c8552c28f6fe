"""How long things take with a large layer, and how long Krita stands still; see ``timings.py``."""

from __future__ import annotations

import os
import time

from PyQt5.QtCore import QTimer
from scalediff import inserting
from scalediff.spaces import sendable, space_of

SIDE = 4096
SCENARIOS = {}
# Where the plug-in tells Krita to change a document.
PUTTING_IN = {name: getattr(inserting, name) for name in ("_change_canvas", "_add")}
_LOOK_MS = 1


class Gaps:
    """The longest time for which the event loop did nothing, for each phase.

    Beside it, the longest that the plug-in did in one go, as time and as work of the processor,
    which other programs do not make longer. The last step, in which Krita is told to put a layer
    in, is a phase of its own.
    """

    def __init__(self, stage):
        self.longest, self.total, self.own, self.work = {}, {}, {}, {}
        self._stage = stage
        office = stage.plugin.office
        tick = type(office).tick

        def timed():
            phase, before, worked = self.phase(), time.perf_counter(), time.thread_time()
            tick(office)
            took = 1000 * (time.perf_counter() - before)
            worked = 1000 * (time.thread_time() - worked)
            phase = "putting in" if self._is_put_in else phase
            self.own[phase] = max(took, self.own.get(phase, 0))
            self.work[phase] = max(worked, self.work.get(phase, 0))

        office.tick = timed
        self._is_put_in = False
        for name in PUTTING_IN:
            setattr(inserting, name, self._told(PUTTING_IN[name]))
        self._last = time.perf_counter()
        self._phase = "idle"
        self._has_begun = False
        self._timer = QTimer()
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def _told(self, act):
        """Let Krita go on inside of an act, but know that it is under way."""

        def acts(*arguments):
            self.look()
            self._is_put_in, self._phase = True, "putting in"
            return act(*arguments)

        return acts

    def look(self):
        now = time.perf_counter()
        gap = 1000 * (now - self._last)
        self.longest[self._phase] = max(gap, self.longest.get(self._phase, 0))
        self.total[self._phase] = self.total.get(self._phase, 0) + gap
        self._last, self._phase = now, self.phase()

    def phase(self):
        orders = self._stage.plugin.orders
        if self._is_put_in and orders:
            return "putting in"
        if not orders:
            return "after" if self._has_begun else "idle"
        self._has_begun = True
        if orders[0].fetched is not None:
            return "inserting"
        return orders[0].phase.value

    def told(self):
        self._timer.stop()
        return {
            phase: {
                "gap": round(self.longest[phase]),
                "own": round(self.own.get(phase, 0)),
                "work": round(self.work.get(phase, 0)),
                "all": round(self.total[phase]),
            }
            for phase in self.longest
        }


def timing(name, times, canvas, depth="U8", feather=0, model="RGBA"):
    def scenario(stage):
        document, layer = yield from stage.document(64, 64, model, depth)
        stage.close(document)
        yield from stage.pause(0.5)
        document = stage.app.createDocument(SIDE, SIDE, "Large", model, depth, "", 72.0)
        document.setBatchmode(True)
        stage.app.activeWindow().addView(document)
        yield from stage.until(lambda: document.activeNode() is not None)
        pixel = {"U8": 4, "U16": 8, "F32": 16}[depth] + (model == "CMYKA")
        row = os.urandom(SIDE * pixel) if depth != "F32" else bytes(SIDE * pixel)
        layer = document.topLevelNodes()[0]
        layer.setPixelData(row * SIDE, 0, 0, SIDE, SIDE)
        if feather:
            stage.select(document, 200, 200, SIDE - 400, SIDE - 400, feather=feather)
        document.refreshProjection()
        document.waitForDone()
        yield from stage.pause(2)
        space = sendable(stage.app, space_of(document))
        before = time.perf_counter()
        stage.plugin.office._setting.means.profiles.bytes_of(space)
        profile = 1000 * (time.perf_counter() - before)
        stage.user("accept", canvas, {"scale": 1.0, "prompt": str(times)})
        gaps = Gaps(stage)
        yield from stage.pause(3)
        before = time.perf_counter()
        stage.act("scalediff_upscale")
        click = 1000 * (time.perf_counter() - before)
        gaps._last = time.perf_counter()
        assert stage.plugin.orders, stage.said()
        yield from stage.done(120)
        assert not stage.said(), stage.said()
        gaps.look()
        yield from stage.pause(2)
        return {"profile": round(profile), "click": round(click), **gaps.told()}

    SCENARIOS[name] = scenario


timing("4096 to 4096, 8 bits", 1, "keep")
timing("4096 to 8192, 8 bits", 2, "keep")
timing("4096 to 8192, 8 bits, canvas grows", 2, "grow")
timing("4096 to 4096, 16 bits", 1, "keep", "U16")
timing("4096 to 4096, 32 bits", 1, "keep", "F32")
timing("3696 to 7392, 8 bits, feathered", 2, "keep", feather=40)
timing("4096 to 4096, 8 bits, CMYK", 1, "keep", model="CMYKA")
