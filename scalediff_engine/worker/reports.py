"""What the engine hears of a running job, and the one place where a job is left."""

from __future__ import annotations

from collections.abc import Callable

from scalediff_engine.base.errors import Cancelled
from scalediff_engine.client.messages import JobProgress
from scalediff_engine.jobs.worker_process import Advanced
from scalediff_engine.planning.progress import Phase, Progress
from scalediff_engine.worker.ends import Previews
from scalediff_engine.worker.keeping import Keeper
from scalediff_engine.worker.streams import Task


class Reports:
    """The progress callback of a job.

    Args:
        task: the job
        tell: takes news
        keeper: of its checkpoints; None = it has none
        previews: of its pictures
        seconds: that the whole job is estimated at
    """

    def __init__(
        self,
        task: Task,
        tell: Callable[[Advanced], None],
        keeper: Keeper | None,
        previews: Previews,
        seconds: float,
    ) -> None:
        self._task = task
        self._tell = tell
        self._keeper = keeper
        self._previews = previews
        self._seconds = seconds

    def __call__(self, progress: Progress) -> None:
        """Tell how far the job is.

        Raises:
            Cancelled: it is to be left here.
        """
        self._previews.offer(progress.preview, last=progress.step == progress.steps)
        left = progress.seconds_left
        if left is None:
            left = self._seconds * (1 - progress.fraction)
        self._tell(
            Advanced(
                self._task.run.job,
                JobProgress(
                    phase=progress.phase.value,
                    stage=progress.stage,
                    stages=progress.stages,
                    step=progress.step,
                    steps=progress.steps,
                    fraction=progress.fraction,
                    seconds_left=left,
                    preview=self._previews.number,
                    is_guess=self._previews.is_guess,
                ),
            )
        )
        stop = self._task.stop
        if stop is not None and not (stop.keep and self._saves_first(progress)):
            raise Cancelled

    def _saves_first(self, progress: Progress) -> bool:
        """Whether it is worth to wait for the checkpoint at the end of the next step."""
        if self._keeper is None:
            return False
        stepping = progress.phase is Phase.DENOISE and progress.step < progress.steps
        return stepping and not self._keeper.kept_as_wanted
