"""The first preview of a job: the fast networks' guess, while the model is still to be loaded.

No torch in this file, which takes seconds to import.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from scalediff_engine.base.errors import Cancelled, ScaleDiffError
from scalediff_engine.client.messages import JobProgress
from scalediff_engine.jobs.worker_process import Advanced
from scalediff_engine.memory.oom import is_out_of_memory
from scalediff_engine.pipeline.upscale_fast import guess, guess_size
from scalediff_engine.planning.planner import PlannedJob, plan_for
from scalediff_engine.planning.progress import Phase
from scalediff_engine.planning.settings import Method
from scalediff_engine.worker.ends import Previews, ends_of
from scalediff_engine.worker.streams import Task

# A source beyond this takes too long to read for a glance.
_MAX_SOURCE_PIXELS = 16_000_000

_log = logging.getLogger(__name__)


def show_guess(
    task: Task, tell: Callable[[Advanced], None], prepared: PlannedJob | None = None
) -> None:
    """Make a guess the job's first preview, and tell of it.

    Of a batch's file nobody waits for one, and a job that goes on has a preview already. Whatever
    goes wrong, the job itself will say.

    Args:
        task: the job
        tell: takes news
        prepared: the job's plan; None = it is made here
    """
    run = task.run
    if run.file is not None or task.stop is not None:
        return
    folder = Path(run.folder)
    previews = Previews(folder)
    if previews.number:
        return
    try:
        ends = ends_of(run)
        source = ends.size()
        if prepared is None:
            prepared = plan_for(source, run.settings, window=run.window)
            prepared.require_room()
        plan = prepared.plan
        of_model = prepared.settings.method is Method.SCALEDIFF
        if not of_model or source.area > _MAX_SOURCE_PIXELS or guess_size(plan) is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        picture, _ = ends.read()
        pixels = guess(picture, plan, lambda _: task.leave_if_told())
    except Cancelled:
        return
    except Exception as error:
        if not isinstance(error, ScaleDiffError | OSError) and not is_out_of_memory(error):
            raise
        _log.info("There is no first guess: %s.", type(error).__name__)
        return
    previews.offer(pixels, last=True, is_guess=True)
    progress = JobProgress(
        phase=Phase.ENCODE.value,
        stage=1,
        stages=len(plan.stages),
        step=0,
        steps=plan.stages[0].steps,
        fraction=0.0,
        seconds_left=prepared.seconds,
        preview=previews.number,
        is_guess=previews.is_guess,
    )
    tell(Advanced(run.job, progress))
