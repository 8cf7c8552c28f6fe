"""A GIMP with windows that does what a test asks, and a user at its screen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from gimp_host import INSIDE, Gimp, until
from x11 import Screen


@dataclass
class Driven:
    """A GIMP with windows.

    Attributes:
        process: that runs it
        folder: through which it is asked
        screen: where its windows are
    """

    process: subprocess.Popen[str]
    folder: Path
    screen: Screen
    number: int = 0

    def begin(self, code: str) -> int:
        """Let something be done; gives the number that ``end`` waits for."""
        draft = self.folder / "ask.part"
        draft.write_text(code)
        draft.replace(self.folder / f"ask-{self.number}.py")
        self.number += 1
        return self.number - 1

    def end(self, number: int, seconds: float = 60) -> Any:
        """Wait for what was begun, and give its answer."""
        file = self.folder / f"answer-{number}.json"
        until(lambda: file.exists() or self.process.poll() is not None, seconds)
        found = json.loads(file.read_text())
        assert not found["error"], found["error"]
        return found["answer"]

    def ask(self, code: str, seconds: float = 60) -> Any:
        """Have something done, and give what it left in ``answer``."""
        return self.end(self.begin(code), seconds)

    def settles(self, code: str, want: Any, seconds: float = 10) -> None:
        """Wait until something is so in GIMP, which does what keys say when it comes to it."""
        last: Any = None

        def is_so() -> bool:
            nonlocal last
            last = self.ask(code)
            return bool(last == want)

        with suppress(AssertionError):
            until(is_so, seconds)
        assert last == want

    def dies(self, function: str, count: int = 1, caller: str = "", does: str = "die") -> None:
        """Let a call of the plug-in end, or go wrong, at a moment; see ``inside/mortal``."""
        said = {"function": function, "caller": caller, "count": count, "does": does}
        (self.folder / "mortal.json").write_text(json.dumps(said))

    def lives(self) -> None:
        """Let the plug-in be."""
        (self.folder / "mortal.json").unlink(missing_ok=True)

    def dismiss(self, title: str, key: str = "Return") -> None:
        """Close the windows whose titles begin so, if there are any."""

        def gone() -> bool:
            there = [w for t, w in self.screen.windows().items() if t.startswith(title)]
            for window in there:  # again, as a window that just opened hears nothing yet
                self.screen.focus(window)
                time.sleep(0.3)
                self.screen.press(key)
            return not there

        until(gone, 10)

    def press(self, *keys: str) -> None:
        """Press keys over the picture, where GIMP hears them."""
        self.dismiss("GIMP Message")  # such as that a plug-in was killed
        x, y = PICTURE
        self.screen.move(x, y)
        time.sleep(0.2)
        self.screen.press(*keys)


# As in GIMP's own file of shortcuts.
SHORTCUTS = """(file-version 1)
(action "scalediff-upscale" "<Primary><Shift>F9")
(action "scalediff-upscale-visible" "<Primary><Shift>F10")
(action "scalediff-repeat" "<Primary><Shift>F11")
(action "scalediff-recent" "<Primary><Shift>F12")
"""
UPSCALE = ("Control_L", "Shift_L", "F9")
REPEAT = ("Control_L", "Shift_L", "F11")
RECENT = ("Control_L", "Shift_L", "F12")

# A place on the canvas, and the middle of the image there.
PICTURE = (380, 310)
# The button beside the bar of a job.
CANCEL = (517, 582)


@contextmanager
def driven(gimp: Gimp, folder: Path, screen: Screen, seconds: int = 1800) -> Iterator[Driven]:
    """A GIMP with windows that is gone at the end."""
    folder.mkdir()
    settings = gimp.settings
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "shortcutsrc").write_text(SHORTCUTS)
    there = Gimp(
        gimp.home,
        gimp.engine_home,
        gimp.environ
        | {"DISPLAY": screen.name, "HOSTS_KEEP_DISPLAY": "1"}
        | {"PYTHONPATH": str(INSIDE / "mortal"), "TEST_MORTAL": str(folder / "mortal.json")},
    )
    process = there.start(INSIDE / "driven.py", str(folder), windows=True, seconds=seconds)
    made = Driven(process, folder, screen)
    try:
        _dismiss_welcome(made)
        yield made
    finally:
        if process.poll() is None:
            with suppress(AssertionError, OSError):
                made.begin("raise SystemExit")
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGTERM)
                process.communicate(timeout=20)
        if process.stdout is not None:  # it may have ended by itself: its time was over
            process.stdout.close()


def _dismiss_welcome(made: Driven) -> None:
    """Close what GIMP shows the first time: keys would go there."""
    made.ask("answer = True", 90)
    time.sleep(1)
    made.dismiss("Welcome", "Escape")


INDEXED = (
    "image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, "
    '16, False, False, "")'
)
PRINT = "import hashlib; answer = hashlib.sha256(repr(fingerprint(image)).encode()).hexdigest()"
# Grace for whoever watches a job to come back, and some more.
GRACE_SECONDS = 20


def kill_plugins(image: Driven) -> None:
    """End all calls of the plug-in in one GIMP without a word."""
    for process in plugin_processes(image):
        with suppress(psutil.Error):
            process.kill()


def plugin_processes(image: Driven) -> list[psutil.Process]:
    """Running calls of the plug-in in one GIMP; other tests may run another."""
    found = []
    for process in psutil.Process(image.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            command = process.cmdline()
            if any(word.endswith("plug-ins/scalediff/scalediff.py") for word in command):
                found.append(process)
    return found
