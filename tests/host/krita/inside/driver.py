"""Runs scenarios one after another inside of Krita.

``driver.py FOLDER MODULE [NAME...]``

A scenario is a generator that gives way whenever Krita shall go on. What became of each is a line
of JSON in FOLDER/results.jsonl. Run by ``run-krita.sh -g``.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import sys
import time
import traceback
from pathlib import Path

_TICK_MS = 4
# A Krita that does nothing for so long does nothing more: it says where it is, and ends.
_STUCK_SECONDS = 40
_ALIVE_SECONDS = 5


def main(done) -> None:
    from PyQt5.QtCore import QTimer

    folder, module, *wanted = Path(sys.argv[1]), *sys.argv[2:]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    from stage import Stage

    stage = Stage(folder)
    scenarios = importlib.import_module(module).SCENARIOS
    queue = [(n, s) for n, s in scenarios.items() if not wanted or n in wanted]
    (folder / "wanted.json").write_text(json.dumps([name for name, _ in queue]))
    running = []
    began = []
    alive = [0.0]

    def say(name: str, error: str = "", told: object = None) -> None:
        seconds = round(time.monotonic() - began[-1], 2)
        line = {"name": name, "error": error, "told": told, "seconds": seconds}
        with (folder / "results.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def played(name: str, scenario):
        began.append(time.monotonic())
        try:
            told = yield from scenario(stage)
            say(name, told=told)
        except Exception:  # noqa: BLE001 - it becomes the result
            orders = [(order.title, order.phase) for order in stage.plugin.orders]
            say(name, f"{traceback.format_exc()}\nmessages: {stage.said()}\norders: {orders}")
        yield from stage.cleared()

    def tick() -> None:
        if time.monotonic() - alive[0] > _ALIVE_SECONDS:
            alive[0] = time.monotonic()
            faulthandler.dump_traceback_later(_STUCK_SECONDS, exit=True)
        if not running:
            if not queue:
                timer.stop()
                done(0)
                return
            running.append(played(*queue.pop(0)))
        try:
            next(running[0])
        except StopIteration:
            running.clear()
        except Exception:  # noqa: BLE001 - it could not be cleared away; the next one may work
            traceback.print_exc()
            running.clear()

    timer = QTimer()
    timer.setInterval(_TICK_MS)
    timer.timeout.connect(tick)
    # this file runs as a text, so nothing else would hold on to what it has
    sys.modules[Stage.__module__].kept = timer
    timer.start()
