"""How long things take with a large layer, and how long Krita stands still; see ``timings.py``."""

from __future__ import annotations

import os
import time

from PyQt5.QtCore import QTimer

SIDE = 4096
SCENARIOS = {}
_LOOK_MS = 1


class Gaps:
    """The longest time for which the event loop did nothing, for each phase.

    Beside it, the longest that the plug-in did in one go, in which Krita may go on too.
    """

    def __init__(self, stage):
        self.longest, self.total, self.own = {}, {}, {}
        self._stage = stage
        office = stage.plugin.office
        tick = type(office).tick

        def timed():
            phase, before = self.phase(), time.perf_counter()
            tick(office)
            took = 1000 * (time.perf_counter() - before)
            self.own[phase] = max(took, self.own.get(phase, 0))

        office.tick = timed
        self._last = time.perf_counter()
        self._phase = "idle"
        self._has_begun = False
        self._timer = QTimer()
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self):
        now = time.perf_counter()
        gap = 1000 * (now - self._last)
        self.longest[self._phase] = max(gap, self.longest.get(self._phase, 0))
        self.total[self._phase] = self.total.get(self._phase, 0) + gap
        self._last, self._phase = now, self.phase()

    def phase(self):
        orders = self._stage.plugin.orders
        if not orders:
            return "after" if self._has_begun else "idle"
        self._has_begun = True
        if orders[0].fetched is not None:
            return "inserting"
        return orders[0].phase.value

    def told(self):
        self._timer.stop()
        return {
            phase: (
                round(self.longest[phase]),
                round(self.own.get(phase, 0)),
                round(self.total[phase]),
            )
            for phase in self.longest
        }


def timing(name, times, canvas, depth="U8", feather=0):
    def scenario(stage):
        document, layer = yield from stage.document(64, 64, depth=depth)
        stage.close(document)
        yield from stage.pause(0.5)
        document = stage.app.createDocument(SIDE, SIDE, "Large", "RGBA", depth, "", 72.0)
        document.setBatchmode(True)
        stage.app.activeWindow().addView(document)
        yield from stage.until(lambda: document.activeNode() is not None)
        pixel = {"U8": 4, "U16": 8, "F32": 16}[depth]
        row = os.urandom(SIDE * pixel) if depth != "F32" else bytes(SIDE * pixel)
        layer = document.topLevelNodes()[0]
        layer.setPixelData(row * SIDE, 0, 0, SIDE, SIDE)
        if feather:
            stage.select(document, 200, 200, SIDE - 400, SIDE - 400, feather=feather)
        document.refreshProjection()
        document.waitForDone()
        yield from stage.pause(3)
        stage.user("accept", canvas, {"scale": 1.0, "prompt": str(times)})
        gaps = Gaps(stage)
        yield from stage.pause(4)
        before = time.perf_counter()
        stage.act("scalediff_upscale")
        click = 1000 * (time.perf_counter() - before)
        gaps._last = time.perf_counter()
        assert stage.plugin.orders, stage.said()
        yield from stage.done(120)
        assert not stage.said(), stage.said()
        gaps.look()
        yield from stage.pause(3)
        return {"click": round(click, 1), **gaps.told()}

    SCENARIOS[name] = scenario


timing("4096 to 4096, 8 bits", 1, "keep")
timing("4096 to 8192, 8 bits", 2, "keep")
timing("4096 to 8192, 8 bits, canvas grows", 2, "grow")
timing("4096 to 4096, 16 bits", 1, "keep", "U16")
timing("3696 to 3696, 8 bits, feathered", 1, "keep", feather=40)
