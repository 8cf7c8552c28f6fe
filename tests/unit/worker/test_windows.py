"""Jobs for a part of a result, in the real process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worker_process import make_image, make_run, worker

from scalediff_engine.client.messages import UpscaleSettings, Window
from scalediff_engine.images.raw import read_pixels
from scalediff_engine.jobs import spool
from scalediff_engine.jobs.worker_process import Done, Failed, from_line, to_line

SETTINGS = UpscaleSettings(scale=4, steps=1, device="cpu")


@pytest.mark.slow
def test_the_result_has_the_windows_size_in_the_sources_form(tmp_path: Path) -> None:
    image = make_image(tmp_path, side=300, depth="u16")
    window = Window(500, 460, 96, 80)
    run = replace(make_run(tmp_path, settings=SETTINGS, image=image), window=window)
    assert from_line(to_line(run)) == run
    with worker(tmp_path) as process:
        done = process.do(run)
        assert isinstance(done, Done), done
        outside = replace(run, job="other", window=Window(1199, 0, 2, 2))
        refused = process.do(outside)
    assert isinstance(refused, Failed)
    assert "not inside the result" in refused.problem.message
    found = read_pixels(Path(run.folder) / spool.RESULT)
    header = found.header
    assert (header.width, header.height) == (96, 80)
    assert (header.depth, header.alpha, header.order) == ("u16", "straight", "bgr")
    recipe = json.loads(done.recipe)
    assert recipe["window"] == {"left": 500, "top": 460, "right": 596, "bottom": 540}
    assert recipe["target"] == "1200x1200"
    # the picture itself is there, and not another part of it
    source = read_pixels(image).picture.pixels[115:135, 125:149]
    shrunk = found.picture.pixels.reshape(20, 4, 24, 4, 3).mean((1, 3))
    assert np.abs(shrunk - source).mean() < 0.02
    # a look is no measure of how fast whole results are made, and leaves no checkpoint
    assert not (Path(run.folder) / spool.CHECKPOINT).exists()
