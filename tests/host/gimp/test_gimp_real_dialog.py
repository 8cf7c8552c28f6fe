"""The whole path with GIMP's windows and the real dialog, on one screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from driven import UPSCALE, Driven, driven, plugin_processes
from gimp_host import Engine, Gimp, engine, until
from x11 import screen

from scalediff_engine.wire.messages import JobState

IMAGE = (
    "image = new_image({side}, {side})\nlayer = new_layer(image, 'photo', {side}, {side})\n"
    "display = Gimp.Display.new(image)\nGimp.displays_flush()"
)


@pytest.fixture(scope="module")
def both(folder: Path, gimp: Gimp) -> Iterator[tuple[Driven, Engine]]:
    home = folder / "person" / "home"
    with screen() as display, engine(home, real_dialog=True) as running:
        there = Gimp(gimp.home, home)
        # what other tests chose last is not what this dialog begins with
        (gimp.home / ".config/GIMP/3.0/scalediff-upscale.json").unlink(missing_ok=True)
        with driven(there, folder / "person" / "windows", display) as windows:
            yield windows, running


def test_what_is_accepted_in_the_dialog_becomes_a_layer(both: tuple[Driven, Engine]) -> None:
    windows, running = both
    running.user.write_text(json.dumps({"canvas": "grow"}))
    windows.ask(IMAGE.format(side=64))
    windows.press(*UPSCALE)
    windows.settles("answer = names(image)", ["photo 4x", "photo"], 60)
    assert windows.ask("answer = [size(image), encoding(image.get_layers()[0])]") == [
        [256, 256],
        "R'G'B'A u8",
    ]
    until(lambda: not dialogs(running), 10)
    windows.ask("display.delete()")


def test_a_plugin_that_is_killed_ends_the_dialog_and_its_job(both: tuple[Driven, Engine]) -> None:
    windows, running = both
    windows.ask(IMAGE.format(side=320))
    windows.press(*UPSCALE)
    until(running.running, 60)
    (plugin,) = plugin_processes()
    plugin.kill()
    until(lambda: not running.running() and not dialogs(running), 30)
    assert running.client.jobs().jobs[0].state is JobState.CANCELLED
    assert windows.ask("answer = names(image)") == ["photo"]


def dialogs(running: Engine) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(running.process.pid).children():
        with suppress(psutil.Error):  # it has just ended
            if "person.py" in " ".join(child.cmdline()):
                found.append(child)
    return found
