"""The whole path with GIMP's windows and the real dialog, on one screen."""

from __future__ import annotations

from driven import GRACE_SECONDS, UPSCALE, Driven, kill_plugins
from gimp_host import Engine, until

from scalediff_engine.client.messages import JobState

IMAGE = (
    "image = new_image({side}, {side})\nlayer = new_layer(image, 'photo', {side}, {side})\n"
    "(Path(Gimp.directory()) / 'scalediff-upscale.json').unlink(missing_ok=True)\n"
    "display = Gimp.Display.new(image)\nGimp.displays_flush()"
)


def test_what_is_accepted_in_the_dialog_becomes_a_layer(windows: Driven, running: Engine) -> None:
    running.says("person", canvas="grow")
    windows.ask(IMAGE.format(side=64))
    windows.press(*UPSCALE)
    windows.settles("answer = names(image)", ["photo 4x", "photo"], 60)
    assert windows.ask("answer = [size(image), encoding(image.get_layers()[0])]") == [
        [256, 256],
        "R'G'B'A u8",
    ]
    until(lambda: not running.programs("person.py"), 10)
    windows.ask("display.delete()")


def test_a_plugin_that_is_killed_ends_the_dialog_and_its_job(
    windows: Driven, running: Engine
) -> None:
    running.says("person")
    windows.ask(IMAGE.format(side=320))
    windows.press(*UPSCALE)
    until(running.running, 60)
    kill_plugins(windows)
    until(lambda: not running.running() and not running.programs("person.py"), GRACE_SECONDS)
    assert running.client.jobs().jobs[0].state is JobState.CANCELLED
    assert windows.ask("answer = names(image)") == ["photo"]
    windows.ask("display.delete()")
