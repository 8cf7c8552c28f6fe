"""The fast method in a real engine: a job of an editor, a batch, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from batching import begun, finish
from engines import engine, real_worker
from PIL import Image

from scalediff_engine.client.batches import BatchFile
from scalediff_engine.client.messages import JobRequest, JobState, PlanRequest, UpscaleSettings

FAST = UpscaleSettings(scale=3, method="fast")
SIDE = 48


def test_a_job_and_a_batch_make_what_the_command_line_makes(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "big" / "a_x3.png"
    with engine(tmp_path / "home", real_worker(tmp_path / "home", 5)) as running:
        client = running.client
        plan = client.plan(PlanRequest(SIDE, SIDE, FAST))
        assert (plan.model, len(plan.stages)) == ("ScaleDiff fast (comes with the program)", 1)
        assert plan.problem is None
        unused = PlanRequest(SIDE, SIDE, UpscaleSettings(method="fast", prompt="a tree"))
        assert client.plan(unused).notes == ["The prompt has no effect with the fast method."]

        image = running.upload(SIDE)
        given = np.frombuffer(client.image(image.id).samples, np.uint8).reshape(SIDE, SIDE, 3)
        Image.fromarray(given).save(source)
        job = client.submit(JobRequest(image.id, FAST))
        events = list(client.watch(job.id))
        assert events[-1].state is JobState.DONE, events[-1].problem
        assert "enlarging" in {event.progress.phase for event in events if event.progress}
        made = np.frombuffer(client.result(job.id).samples, np.uint8)
        assert json.loads(client.job(job.id).recipe or "")["method"] == "fast"

        batches = client.for_batches()
        files = [BatchFile(str(source), str(target))]
        assert finish(batches, begun(batches, files, settings=FAST)).counts == {"done": 1}
    command = [sys.executable, "-m", "scalediff_engine", "upscale", str(source)]
    subprocess.run([*command, "--method", "fast", "--scale", "3", "-q"], check=True)
    by_hand = tmp_path / "a_x3.png"
    assert target.read_bytes() == by_hand.read_bytes()
    with Image.open(by_hand) as opened:
        assert np.array_equal(np.asarray(opened).ravel(), made)
