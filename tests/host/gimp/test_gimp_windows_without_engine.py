"""The engine is killed under the dialog, and there is none at the first use."""

from __future__ import annotations

import time

from driven import PRINT, UPSCALE, Driven, plugin_processes
from gimp_host import Engine, until

from scalediff_engine.client.messages import JobState

CALL = "answer = call('scalediff-upscale', image, [layer], run_mode=Gimp.RunMode.INTERACTIVE)[:2]"
TITLE = "ScaleDiff"


def test_a_job_outlives_an_engine_that_is_killed_under_the_dialog(
    image: Driven, running: Engine
) -> None:
    was = image.ask(PRINT)
    running.says("work", settings={"scale": 2.0, "steps": 150})
    call = image.begin(CALL)
    until(running.running, 30)
    (job,) = running.running()
    running.kill()
    running.start()
    status, _ = image.end(call)
    assert status == "cancel"
    assert image.ask(PRINT) == was
    until(lambda: running.client.job(job).state is JobState.DONE, 60)
    image.screen.press("Escape")  # GIMP's message that it goes on


def test_an_engine_killed_under_a_dialog_without_a_job_is_told(
    image: Driven, running: Engine
) -> None:
    was = image.ask(PRINT)
    running.says("wait")
    call = image.begin(CALL)
    until(lambda: running.programs("user.py"), 30)
    time.sleep(0.5)  # until it follows what becomes of its dialog
    running.kill()
    running.start()
    status, error = image.end(call)
    assert status == "execution-error", error
    assert "The engine ended unexpectedly, and the dialog with it." in error
    assert image.ask(PRINT) == was


def test_without_an_engine_a_window_helps_and_the_upscale_goes_on_when_it_is_there(
    image: Driven, running: Engine
) -> None:
    was = image.ask(PRINT)
    running.end()
    image.press(*UPSCALE)
    until(lambda: TITLE in image.screen.windows(), 20)
    press_in_the_window(image, "Escape")
    until(lambda: not plugin_processes(image), 10)
    assert image.ask(PRINT) == was
    running.says("accept", settings={"scale": 2.0, "steps": 1})
    image.press(*UPSCALE)
    until(lambda: TITLE in image.screen.windows(), 20)
    press_in_the_window(image, "Return")  # too early: it asks again
    time.sleep(1)
    assert TITLE in image.screen.windows()
    running.start()
    press_in_the_window(image, "Return")
    image.settles("answer = names(image)", ["photo 2x", "photo"], 60)


def press_in_the_window(image: Driven, key: str) -> None:
    image.screen.focus(image.screen.windows()[TITLE])
    time.sleep(0.5)
    image.screen.press(key)
