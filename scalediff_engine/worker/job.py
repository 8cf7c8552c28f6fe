"""One job from the order to its result."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

from scalediff_engine.base.errors import Cancelled, OutputError, ScaleDiffError
from scalediff_engine.base.files import sweep
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Problem
from scalediff_engine.images.picture import Picture
from scalediff_engine.jobs import spool
from scalediff_engine.jobs.worker_process import Done, Failed, Loading, Measured, News, Stopped
from scalediff_engine.memory.device_info import NOTHING_HELD, ReclaimableMemory
from scalediff_engine.memory.oom import is_out_of_memory, memory_ran_out
from scalediff_engine.memory.speed_record import SpeedRecord, default_file
from scalediff_engine.models.device import forget_peak, peak_bytes
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.checkpoint import NO_CHECKPOINTS
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.pipeline.upscale_fast import upscale_by_networks
from scalediff_engine.planning.plan import Plan
from scalediff_engine.planning.planner import PlannedJob, plan_for
from scalediff_engine.planning.recipe import make_fast_recipe, make_recipe
from scalediff_engine.planning.settings import Method
from scalediff_engine.planning.settings_parsing import limit_of, model_of, settings_of
from scalediff_engine.worker.ends import Ends, Previews, ends_of
from scalediff_engine.worker.guess import show_guess
from scalediff_engine.worker.keeping import Keeper, identity_of
from scalediff_engine.worker.loaded import LoadedModel
from scalediff_engine.worker.reports import Reports
from scalediff_engine.worker.streams import Task

# A model that is loaded shows its first step within a second if the job is no longer than this.
_LONG_S = 30.0

_log = logging.getLogger(__name__)


class Workplace:
    """Does one job after the other.

    Args:
        tell: takes news
        checkpoint_seconds: between two checkpoints
    """

    def __init__(self, tell: Callable[[News], None], checkpoint_seconds: float) -> None:
        self._tell = tell
        self._checkpoint_seconds = checkpoint_seconds
        self._loaded = LoadedModel()
        self._speed = SpeedRecord(default_file())
        self._target: Size | None = None

    def do(self, task: Task) -> None:
        """Do a job and tell how it ended.

        Raises:
            RuntimeError: the device is lost, and this process of no more use.
        """
        job = task.run.job
        _log.info("Job %s begins.", job)
        outcome = self._attempt(task)
        _log.info("Job %s: %s.", job, type(outcome).__name__.lower())
        if isinstance(outcome, Done):
            # before it is told: whoever hears it may end this process or look into the folder
            with suppress(OSError):
                (Path(task.run.folder) / spool.CHECKPOINT).unlink(missing_ok=True)
        self._tell(outcome)
        self._loaded.rest()  # out here no exception holds a frame, and with it tensors

    def _attempt(self, task: Task) -> News:
        self._target = None
        try:
            return self._do(task)
        except Cancelled:
            return Stopped(task.run.job)
        except Exception as error:
            if device_is_lost(error):
                raise
            return Failed(task.run.job, problem_of(error, self._target))

    def _do(self, task: Task) -> Done:
        run, folder, ends = task.run, Path(task.run.folder), ends_of(task.run)
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        there = ends.found()
        if there is not None:
            return Done(run.job, *there)
        prepared = self._plan(task, ends)
        if prepared.settings.method is Method.FAST:
            return self._do_fast(task, ends, prepared)
        if self._is_long_until_a_preview(prepared):
            show_guess(task, self._tell, prepared)
        model = self._model(task, prepared)
        picture, notes = ends.read()
        recipe = make_recipe(prepared.plan, prepared.settings, model, prepared.choice.loras)
        keeper = Keeper(
            folder,
            identity_of(recipe, ends.source),
            self._checkpoint_seconds,
            lambda: task.stop is not None and task.stop.keep,
        )
        result = self._upscaled(picture, prepared, model, task, keeper)
        notes = ends.write(result, recipe, (*model.notes, *notes, *prepared.notes))
        return Done(run.job, recipe, list(notes))

    def _plan(self, task: Task, ends: Ends) -> PlannedJob:
        wanted, source = task.run.settings, ends.size()

        def planned(held: ReclaimableMemory) -> PlannedJob:
            return plan_for(source, wanted, window=task.run.window, speed=self._speed, held=held)

        if settings_of(wanted).method is Method.FAST:
            prepared = planned(NOTHING_HELD)
            if prepared.plan.cost.peak_bytes > prepared.machine.available_bytes:
                self._loaded.free()  # the model stays only if there is room beside it
                prepared = planned(NOTHING_HELD)
        else:
            self._loaded.make_room_for(model_of(wanted), limit_of(wanted))
            prepared = planned(self._loaded.held())
        target = self._target = prepared.plan.target
        if task.run.file is not None:  # of an upload the engine knows it
            self._tell(Measured(task.run.job, *source, *target))
        prepared.require_room()
        ends.check(target)
        return prepared

    def _do_fast(self, task: Task, ends: Ends, prepared: PlannedJob) -> Done:
        """Do a job without a model; seconds, so that it is never gone on with."""
        plan, run = prepared.plan, task.run
        picture, notes = ends.read()
        recipe = make_fast_recipe(plan, prepared.settings)
        previews = Previews(Path(run.folder))
        reports = Reports(task, self._tell, None, previews, prepared.seconds)
        start_s = time.monotonic()
        result = upscale_by_networks(picture, plan, reports)
        seconds = time.monotonic() - start_s
        self._speed.add({prepared.choice.device}, prepared.facts.name, plan.cost.gflop, seconds)
        notes = ends.write(result, recipe, (*notes, *prepared.notes))
        return Done(run.job, recipe, list(notes))

    def _is_long_until_a_preview(self, prepared: PlannedJob) -> bool:
        """Whether a guess is worth the second that it delays the job by."""
        is_loaded = self._loaded.has(prepared.choice, prepared.limit_bytes)
        return not is_loaded or prepared.seconds > _LONG_S

    def _model(self, task: Task, prepared: PlannedJob) -> Model:
        task.leave_if_told()
        job = task.run.job
        model = self._loaded.get(
            prepared.choice, prepared.limit_bytes, lambda done: self._tell(Loading(job, done))
        )
        task.leave_if_told()
        return model

    def _upscaled(
        self, picture: Picture, prepared: PlannedJob, model: Model, task: Task, keeper: Keeper
    ) -> Picture:
        plan = keeper.plan(prepared.plan)
        # a look takes seconds, and what is denoised beside it is in no checkpoint
        checkpoints = keeper.checkpoints(plan) if plan.window is None else NO_CHECKPOINTS
        previews = Previews(Path(task.run.folder))
        reports = Reports(task, self._tell, keeper, previews, prepared.seconds)
        forget_peak(model.device)
        start_s = time.monotonic()
        result = upscale(picture, plan, prepared.settings, model, reports, checkpoints)
        if checkpoints.begun is None and plan.window is None:  # a look is no measure of a whole
            self._remember(prepared, plan, model, time.monotonic() - start_s)
        return result

    def _remember(self, prepared: PlannedJob, plan: Plan, model: Model, seconds: float) -> None:
        """Learn from a run that was not interrupted."""
        names, family = {str(model.device), prepared.choice.device}, prepared.facts.name
        self._speed.add(names, family, plan.cost.gflop, seconds)
        taken_bytes = peak_bytes(model.device)
        if taken_bytes is not None and plan.memory == prepared.plan.memory:
            self._speed.add_memory(names, family, plan.cost, taken_bytes)


_log = logging.getLogger(__name__)


def problem_of(error: Exception, target: Size | None) -> Problem:
    """Say why a job cannot be done; what nobody expected is logged.

    The sentence may leave this process: it has no traceback and no prompt, and it names files only
    if they are what the job was asked about by name.

    Args:
        error: what ended it
        target: size of its result; None = it was not known yet
    """
    if isinstance(error, ScaleDiffError):
        if isinstance(error, OutputError):
            _log.error("Writing failed: %s", _reason(error))
        return Problem(error.code, str(error))
    _log.error("A job ended by an unexpected error.", exc_info=error)
    explained = memory_ran_out(error, target) or ScaleDiffError(
        f"An unexpected error ({type(error).__name__}); the worker's log has the details."
    )
    return Problem(explained.code, str(explained))


def _reason(error: BaseException) -> str:
    """What the system said, without the file's name: a log goes into reports."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def device_is_lost(error: Exception) -> bool:
    """Whether this process can use its device no more; a new one can, from the checkpoint."""
    if isinstance(error, ScaleDiffError) or is_out_of_memory(error):
        return False
    return isinstance(error, torch.AcceleratorError) or "CUDA error" in str(error)
