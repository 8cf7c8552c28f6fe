"""The real dialog, with somebody who uses it: ``person.py FILE``, see ``user.py`` for FILE.

It is ``scalediff dialog --session -`` as the engine starts it; once its window is there, what the
user does is done through the window's own model. With ``shots`` in FILE each page is left in that
folder as a picture of the whole screen.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from scalediff_engine.cli.main import run
from scalediff_engine.ui import app
from scalediff_engine.ui.dialog import Phase
from scalediff_engine.ui.origin import Canvas

_LOOK_MS = 50
_SHOT_MS = 900


class Person:
    """Chooses, starts, waits and accepts."""

    def __init__(self, running: app.UpscaleApp, said: dict[str, str]) -> None:
        self._running = running
        self._said = said
        self._did: set[str] = set()
        self._waiting = False
        self._timer = QTimer()
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        dialog = self._running.dialog
        if self._waiting or dialog.phase is Phase.ENDED:
            return
        upscale = dialog.upscale
        if dialog.phase is Phase.CHOOSING and upscale is not None and upscale.can_start:
            self._once("choose", lambda: upscale.change(replace(upscale.choices, preset="fast")))
            if self._said.get("canvas"):
                self._once("canvas", lambda: dialog.choose_canvas(Canvas(self._said["canvas"])))
            self._shoot_then("settings", dialog.start)
        elif dialog.phase is Phase.RUNNING:
            progress = dialog.progress
            if progress is not None and progress.progress is not None and progress.preview:
                self._shoot_then("progress", lambda: None)
        elif dialog.phase is Phase.COMPARING:
            self._shoot_then("compare", dialog.accept)

    def _once(self, name: str, act) -> None:  # noqa: ANN001
        if name not in self._did:
            self._did.add(name)
            act()

    def _shoot_then(self, name: str, act) -> None:  # noqa: ANN001
        """Leave a picture of the screen, if there is a folder for it, and go on."""
        if name in self._did:
            return
        self._did.add(name)
        shots = self._said.get("shots")
        if not shots:
            act()
            return
        self._waiting = True

        def shoot() -> None:
            screen = QApplication.primaryScreen()
            file = f"{self._said.get('host', 'krita')}-{name}.png"
            screen.grabWindow(0).save(str(Path(shots) / file))
            self._waiting = False
            act()

        QTimer.singleShot(_SHOT_MS, shoot)


def main() -> None:
    said = json.loads(Path(sys.argv[1]).read_text())
    begin = app.UpscaleApp.begin
    kept: list[Person] = []

    def begin_with_somebody(self: app.UpscaleApp) -> None:
        # that is a test of its own
        self.context.options = replace(self.context.options, welcomes=False)
        begin(self)
        if said.get("shots"):  # in the middle of the screen, where no window manager does it
            self.window.resize(1000, 640)
            self.window.move(130, 80)
        kept.append(Person(self, said))

    app.UpscaleApp.begin = begin_with_somebody
    sys.argv = ["scalediff", "dialog", "--session", "-"]
    run()


if __name__ == "__main__":
    main()
