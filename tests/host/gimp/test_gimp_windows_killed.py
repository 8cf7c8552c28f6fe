"""The plug-in is killed, as GIMP's Cancel does it, at every stage and between its last calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from driven import GRACE_SECONDS, INDEXED, PRINT, Driven
from gimp_host import Engine, titled, until

from scalediff_engine.client.messages import JobRequest, JobState, UpscaleSettings
from scalediff_engine.client.pixels import PixelHeader

CALL = "answer = call('scalediff-upscale', image, {layers}, scale=2.0, {more})[:2]"
# Stage: function of the plug-in, count, caller, what happens there; see inside/mortal.
STAGES: dict[str, tuple[Any, ...]] = {
    "reading": ("read",),
    "sending": ("_send", 1, "", "die-before"),
    "sent": ("upload",),
    "queued": ("submit",),
    "running": ("left",),
    "fetching": ("_exactly", 3, "_pixels"),
    "fetched": ("_fetched",),
    "made": ("_layer",),
}
TWO = "other = new_layer(image, 'other', 40, 30, seed=4)"
# What was done of the insertion: the canvas, what comes before, the moment, what there is then.
HALVES = {
    "first of two layers": ("keep", TWO, ("must", 1, "_into"), ["other", "photo 2x", "photo"]),
    "all of one": ("keep", "", ("must", 1, "_into"), ["photo 2x", "photo"]),
    "layer before growing": ("grow", "", ("must", 1, "_into"), ["photo 2x", "photo"]),
    "grown": ("grow", "", ("must", 1, "_grow"), ["photo 2x", "photo"]),
    "trial before scaling": ("scale", "", ("must", 2, "_try_out"), ["photo 2x", "photo"]),
    "scaled": ("scale", "", ("must", 1, "_scale"), ["photo"]),
    "scaled and inserted": ("scale", "", ("must", 1, "_into"), ["photo 2x", "photo"]),
    "converted": ("keep", INDEXED, ("must", 1, "_into"), ["photo"]),
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_before_it_inserts_it_leaves_image_and_engine_alone(
    image: Driven, running: Engine, stage: str
) -> None:
    was, before = image.ask(PRINT), {job.id for job in running.client.jobs().jobs}
    with ExitStack() as stack:
        if stage == "queued":
            stack.enter_context(busy(running))
        image.dies(*STAGES[stage])
        status, _ = image.ask(CALL.format(layers="[layer]", more=""))
        assert status != "success"
        assert image.ask(PRINT) == was
        new = [job for job in running.client.jobs().jobs if job.id not in before]
        ours = [job for job in new if job.title == titled("photo")]
        assert len(ours) == (stage not in ("reading", "sending", "sent"))
        if stage == "queued":
            assert ours[0].state is JobState.QUEUED
            until(lambda: running.client.job(ours[0].id).state is JobState.CANCELLED, GRACE_SECONDS)
    until(lambda: not running.running(), GRACE_SECONDS)


@pytest.mark.parametrize("half", HALVES)
def test_killed_while_it_inserts_one_undo_takes_all_back(image: Driven, half: str) -> None:
    canvas, before, moment, names = HALVES[half]
    image.ask(before or "pass")
    was = image.ask(PRINT)
    image.dies(*moment)
    layers = "[other, layer]" if before == TWO else "[layer]"
    more = f"canvas={canvas!r}, convert_indexed=True"
    status, _ = image.ask(CALL.format(layers=layers, more=more))
    assert status != "success"
    assert image.ask(PRINT) != was
    assert image.ask("answer = names(image)") == names
    until(lambda: "GIMP Message" in image.screen.windows(), 10)  # that it crashed; takes the keys
    image.press("Control_L", "z")
    image.settles(PRINT, was)


def test_killed_while_it_makes_a_new_image_it_leaves_the_old_one_alone(image: Driven) -> None:
    was = image.ask(PRINT)
    image.dies("must", 3, "_into_new")
    status, _ = image.ask(CALL.format(layers="[layer]", more="canvas='new'"))
    assert status != "success"
    assert image.ask(PRINT) == was


@pytest.mark.parametrize("canvas", ["keep", "grow"])
def test_an_insertion_that_gimp_refuses_is_said_and_nothing_is_changed(
    image: Driven, canvas: str
) -> None:
    was = image.ask(PRINT)
    image.dies("_above", 1, "_into", "spoil")
    status, error = image.ask(CALL.format(layers="[layer]", more=f"canvas={canvas!r}"))
    assert status == "execution-error"
    assert "The layer could not be inserted" in error
    assert image.ask(PRINT) == was


def test_an_insertion_that_gimp_refuses_after_scaling_says_how_that_is_taken_back(
    image: Driven,
) -> None:
    was = image.ask(PRINT)
    image.dies("_above", 1, "_into", "spoil")
    status, error = image.ask(CALL.format(layers="[layer]", more="canvas='scale'"))
    assert status == "execution-error"
    assert "The layer could not be inserted" in error
    assert "Edit > Undo takes back what was changed before." in error
    assert image.ask("answer = [names(image), size(image)]") == [["photo"], [256, 192]]
    image.press("Control_L", "z")
    image.settles(PRINT, was)


@contextmanager
def busy(running: Engine) -> Iterator[None]:
    """The engine is at work for somebody else."""
    client = running.client
    sent = client.upload(PixelHeader(64, 64, "rgb", "u8"), bytes(64 * 64 * 3), b"")
    settings = UpscaleSettings(scale=16.0, steps=1000)
    job = client.submit(JobRequest(sent.id, settings, title="somebody else's"))
    until(lambda: client.job(job.id).state is JobState.RUNNING, 30)
    try:
        yield
    finally:
        client.cancel(job.id)
        until(lambda: client.job(job.id).state.is_final, 30)
