from __future__ import annotations

from pathlib import Path

import pytest
import torch
from test_keeping import PLAN

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.client.messages import JobProgress, UpscaleSettings
from scalediff_engine.jobs.worker_process import Advanced, Run, Stop
from scalediff_engine.pipeline.checkpoint import Checkpoint
from scalediff_engine.planning.progress import Phase, Progress
from scalediff_engine.worker.ends import Previews
from scalediff_engine.worker.keeping import Keeper
from scalediff_engine.worker.reports import Reports
from scalediff_engine.worker.streams import Task


class Scene:
    """A job on its way."""

    def __init__(self, folder: Path) -> None:
        self.task = Task(Run("job", str(folder), "image", UpscaleSettings()))
        wants = lambda: self.task.stop is not None and self.task.stop.keep  # noqa: E731
        keeper = Keeper(folder, "a", 1000.0, wants)
        self.checkpoints = keeper.checkpoints(PLAN)
        self.told: list[Advanced] = []
        self.reports = Reports(self.task, self.told.append, keeper, Previews(folder), 60.0)

    def stop(self, *, keep: bool) -> None:
        self.task.hear(Stop("job", keep))

    def step_ends(self, number: int = 2) -> None:
        """What the loop does at the end of a step."""
        if self.checkpoints.is_due():
            state = torch.Generator().get_state()
            job = self.checkpoints.job
            self.checkpoints.save(Checkpoint(job, 0, number, 0, torch.zeros(1), None, state))
        self.report(Phase.DENOISE, number)

    def report(self, phase: Phase, step: int = 2, left: float | None = None) -> None:
        self.reports(Progress(phase, 1, 2, step, 6, 0.25, left))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_time_is_estimated_until_it_can_be_told(scene: Scene) -> None:
    scene.report(Phase.ENCODE)
    scene.report(Phase.DENOISE, left=7.0)
    assert [news.progress.seconds_left for news in scene.told] == [45.0, 7.0]
    assert scene.told[1] == Advanced("job", JobProgress("sharpening", 1, 2, 2, 6, 0.25, 7.0, 0))


@pytest.mark.parametrize("phase", list(Phase))
def test_a_job_to_forget_is_left_at_any_report(phase: Phase, scene: Scene) -> None:
    scene.stop(keep=False)
    with pytest.raises(Cancelled):
        scene.report(phase)


def test_a_job_to_keep_is_left_once_it_was_saved(scene: Scene) -> None:
    scene.step_ends(1)
    assert scene.checkpoints.is_due() is False
    scene.stop(keep=True)
    with pytest.raises(Cancelled):
        scene.step_ends(2)


def test_a_stop_between_saving_and_reporting_waits_for_the_next_step(scene: Scene) -> None:
    assert not scene.checkpoints.is_due()
    scene.stop(keep=True)
    scene.report(Phase.DENOISE, 2)  # not saved: it was not wanted a moment ago
    with pytest.raises(Cancelled):
        scene.step_ends(3)


@pytest.mark.parametrize("phase", [Phase.ENCODE, Phase.DECODE, Phase.FINISH, Phase.WARM_UP])
def test_between_the_steps_nothing_is_waited_for(phase: Phase, scene: Scene) -> None:
    scene.stop(keep=True)
    with pytest.raises(Cancelled):
        scene.report(phase)


def test_the_last_step_has_no_next_one_to_wait_for(scene: Scene) -> None:
    scene.stop(keep=True)
    with pytest.raises(Cancelled):
        scene.report(Phase.DENOISE, 6)
