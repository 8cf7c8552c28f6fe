"""A GIMP with windows: undo and redo, painting, closing, cancelling and killing."""

from __future__ import annotations

import json
import time

import pytest
from driven import (
    CANCEL,
    GRACE_SECONDS,
    INDEXED,
    PICTURE,
    PRINT,
    RECENT,
    REPEAT,
    UPSCALE,
    Driven,
    kill_plugins,
    plugin_processes,
)
from gimp_host import Engine, until

from scalediff_engine.client.messages import JobState

WITH_A_SELECTION = "image.select_ellipse(Gimp.ChannelOps.REPLACE, 10, 10, 80, 60)"
BLENDED = "layer.set_mode(Gimp.LayerMode.MULTIPLY); layer.set_opacity(50)"
# So long that somebody has time to do something meanwhile.
LONG = json.dumps({"steps": 150})


@pytest.mark.parametrize("canvas", ["keep", "grow", "scale"])
@pytest.mark.parametrize("before", ["pass", WITH_A_SELECTION, INDEXED, BLENDED])
def test_one_undo_takes_all_back_and_redo_brings_it(
    image: Driven, canvas: str, before: str
) -> None:
    image.ask(before)
    was = image.ask(PRINT)
    image.ask(
        f"upscaled(image, [layer], canvas={canvas!r}, convert_indexed=True)\nGimp.displays_flush()"
    )
    became = image.ask(PRINT)
    assert became != was
    image.press("Control_L", "z")
    image.settles(PRINT, was)
    image.press("Control_L", "y")
    image.settles(PRINT, became)


@pytest.mark.parametrize("agrees", [True, False])
def test_an_indexed_image_is_converted_if_the_user_agrees(
    image: Driven, running: Engine, agrees: bool
) -> None:
    image.ask(INDEXED)
    was = image.ask(PRINT)
    running.says("accept", settings={"scale": 2.0, "steps": 1})
    image.press(*UPSCALE)
    until(lambda: "ScaleDiff" in image.screen.windows(), 20)
    image.screen.focus(image.screen.windows()["ScaleDiff"])
    time.sleep(0.5)
    image.screen.press("Return" if agrees else "Escape")
    until(lambda: not plugin_processes(image), 60)
    if agrees:
        assert image.ask("answer = [names(image), encoding(layer)]") == [
            ["photo 2x", "photo"],
            "R'G'B'A u8",
        ]
    else:
        assert image.ask(PRINT) == was


def test_painting_while_a_job_runs_keeps_both(image: Driven, running: Engine) -> None:
    call = image.begin(f"upscaled(image, [layer], settings={LONG!r})\nanswer = names(image)")
    until(running.running, 30)
    image.screen.press("p")
    x, y = PICTURE
    image.screen.drag(x - 20, y - 10, x + 20, y + 10)
    assert running.running()  # it was painted while the job ran
    assert image.end(call) == ["photo 2x", "photo"]
    sent = running.client.image(running.client.jobs().jobs[0].image)
    assert image.ask("answer = pixels(layer).hex()") != bytes(sent.samples).hex()
    image.press("Control_L", "z")
    image.settles("answer = names(image)", ["photo"])
    assert image.ask("answer = pixels(layer).hex()") != bytes(sent.samples).hex()


@pytest.mark.parametrize(
    ("change", "at", "canvas"),
    [
        ("layer.set_offsets(-20, 9)", [-20, 9], [256, 192]),
        ("image.resize(200, 150, 30, 40)", [60, 80], [400, 300]),
    ],
)
def test_a_result_follows_its_layer(
    image: Driven, running: Engine, change: str, at: list[int], canvas: list[int]
) -> None:
    begin_long(image, running, UPSCALE)
    image.ask(f"{change}\nGimp.displays_flush()")
    assert running.running()
    image.settles("answer = names(image)", ["photo 2x", "photo"], 60)
    places = image.ask("answer = [offsets(image.get_layers()[0]), offsets(layer), size(image)]")
    if change.startswith("image"):
        assert places == [at, at, canvas]
    else:  # scaled with it
        assert places == [[2 * at[0], 2 * at[1]], [2 * at[0], 2 * at[1]], canvas]


def test_a_result_of_an_image_that_was_scaled_becomes_an_image(
    image: Driven, running: Engine
) -> None:
    before = image.ask("answer = [each.get_id() for each in Gimp.get_images()]")
    begin_long(image, running, REPEAT)
    image.ask("image.scale(192, 144)\nGimp.displays_flush()")
    assert running.running()
    new = f"[each for each in Gimp.get_images() if each.get_id() not in {before}]"
    image.settles(f"answer = [names(each) for each in {new}]", [["photo 2x"]], 60)
    assert image.ask("answer = [names(image), size(image)]") == [["photo"], [192, 144]]
    until(lambda: not plugin_processes(image), 20)
    image.screen.press("Escape")  # GIMP's message that the size was changed


def begin_long(image: Driven, running: Engine, keys: tuple[str, ...]) -> None:
    """Begin an upscale that lasts, by the dialog or by repeating the last one."""
    settings = {"scale": 2.0, "steps": 150}
    kept = {"scalediff": 1, "canvas": "scale", "default": "scale", "settings": settings}
    folder = "Path(Gimp.directory()) / 'scalediff-upscale.json'"
    image.ask(f"({folder}).write_text({json.dumps(kept)!r})")
    running.says("accept", settings=settings)
    image.press(*keys)
    until(running.running, 30)


def test_an_image_that_is_closed_meanwhile_leaves_the_result_among_the_recent(
    image: Driven, running: Engine
) -> None:
    running.says("accept", settings={"scale": 2.0, "steps": 150})
    number = image.ask("answer = image.get_id()")
    image.press(*UPSCALE)
    until(running.running, 30)
    image.press("Control_L", "w")
    until(lambda: not plugin_processes(image), 60)
    assert running.client.jobs().jobs[0].state is JobState.DONE
    image.settles(f"answer = Gimp.Image.id_is_valid({number})", False)
    image.screen.press("Escape")  # GIMP's message that the image was closed
    running.says("accept")
    image.ask(
        "image = new_image(128, 96)\nlayer = new_layer(image, 'other', 40, 40)\n"
        "display = Gimp.Display.new(image)\nGimp.displays_flush()"
    )
    image.press(*RECENT)
    image.settles("answer = names(image)", ["photo 2x", "other"], 30)


def test_cancel_in_the_status_bar_cancels_the_job(image: Driven, running: Engine) -> None:
    was = image.ask(PRINT)
    kept = {"scalediff": 1, "canvas": "keep", "settings": {"scale": 8.0, "steps": 1000}}
    folder = "Path(Gimp.directory()) / 'scalediff-upscale.json'"
    image.ask(f"({folder}).write_text({json.dumps(kept)!r})")
    image.press(*REPEAT)
    until(running.running, 30)
    time.sleep(0.5)  # for the button to show
    image.screen.click(*CANCEL)
    until(lambda: not plugin_processes(image), 10)
    assert image.ask(PRINT) == was
    until(lambda: not running.running(), GRACE_SECONDS)
    assert running.client.jobs().jobs[0].state is JobState.CANCELLED


def test_a_plugin_that_is_killed_takes_its_dialog_with_it(image: Driven, running: Engine) -> None:
    was, before = image.ask(PRINT), len(running.client.jobs().jobs)
    running.says("wait")
    mode = "run_mode=Gimp.RunMode.INTERACTIVE"
    call = image.begin(f"answer = call('scalediff-upscale', image, [layer], {mode})[0]")
    until(lambda: running.programs("user.py"), 30)
    time.sleep(1)  # until it follows what becomes of its dialog
    kill_plugins(image)
    assert image.end(call) != "success"
    assert image.ask(PRINT) == was
    until(lambda: not running.programs("user.py"), GRACE_SECONDS)
    assert len(running.client.jobs().jobs) == before
