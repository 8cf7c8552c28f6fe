"""One job from the order to its result."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scalediff_engine.errors import Cancelled, DiskFull, OutputError
from scalediff_engine.geometry import Size
from scalediff_engine.images.atomic import sweep, whole
from scalediff_engine.images.picture import Picture
from scalediff_engine.images.raw import read_header, read_pixels, result_header, write_pixels
from scalediff_engine.jobs import spool
from scalediff_engine.jobs.protocol import Done, Failed, Loading, News, Stopped
from scalediff_engine.memory.speed import SpeedRecord, default_file
from scalediff_engine.models.device import forget_peak, peak_bytes
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.machine import Prepared, plan_for
from scalediff_engine.pipeline.plan import Plan
from scalediff_engine.pipeline.recipe import make_recipe
from scalediff_engine.pipeline.upscale import upscale
from scalediff_engine.pipeline.wishes import limit_of, model_of
from scalediff_engine.wire.messages import UpscaleSettings
from scalediff_engine.wire.pixels import PixelHeader
from scalediff_engine.worker.keeping import Keeper, identity_of
from scalediff_engine.worker.loaded import LoadedModel
from scalediff_engine.worker.orders import Task
from scalediff_engine.worker.previews import Previews
from scalediff_engine.worker.problems import device_is_lost, problem_of
from scalediff_engine.worker.reports import Reports

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
        self._tell(outcome)
        if isinstance(outcome, Done):
            with suppress(OSError):
                (Path(task.run.folder) / spool.CHECKPOINT).unlink(missing_ok=True)
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
        run, folder, source = task.run, Path(task.run.folder), Path(task.run.image)
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        header = read_header(source)
        prepared = self._plan(Size(header.width, header.height), run.settings)
        self._target = prepared.plan.target
        model = self._model(task, prepared)
        raw = read_pixels(source)
        recipe = make_recipe(prepared.plan, prepared.settings, model, prepared.choice.loras)
        keeper = Keeper(
            folder,
            identity_of(recipe, source),
            self._checkpoint_seconds,
            lambda: task.stop is not None and task.stop.keep,
        )
        result = self._upscaled(raw.picture, prepared, model, task, keeper)
        _write(result, header, folder)
        return Done(run.job, recipe, [*model.notes, *raw.notes, *prepared.notes])

    def _plan(self, source: Size, wanted: UpscaleSettings) -> Prepared:
        self._loaded.make_room_for(model_of(wanted), limit_of(wanted))
        prepared = plan_for(source, wanted, speed=self._speed, held=self._loaded.held())
        prepared.require_room()
        return prepared

    def _model(self, task: Task, prepared: Prepared) -> Model:
        task.leave_if_told()
        job = task.run.job
        model = self._loaded.get(
            prepared.choice, prepared.limit_bytes, lambda done: self._tell(Loading(job, done))
        )
        task.leave_if_told()
        return model

    def _upscaled(
        self, picture: Picture, prepared: Prepared, model: Model, task: Task, keeper: Keeper
    ) -> Picture:
        plan = keeper.plan(prepared.plan)
        checkpoints = keeper.checkpoints(plan)
        previews = Previews(Path(task.run.folder))
        reports = Reports(task, self._tell, keeper, previews, prepared.seconds)
        forget_peak(model.device)
        start_s = time.monotonic()
        result = upscale(picture, plan, prepared.settings, model, reports, checkpoints)
        if checkpoints.begun is None:
            self._remember(prepared, plan, model, time.monotonic() - start_s)
        return result

    def _remember(self, prepared: Prepared, plan: Plan, model: Model, seconds: float) -> None:
        """Learn from a run that was not interrupted."""
        names, family = {str(model.device), prepared.choice.device}, prepared.facts.name
        self._speed.add(names, family, plan.cost.gflop, seconds)
        taken_bytes = peak_bytes(model.device)
        if taken_bytes is not None and plan.memory == prepared.plan.memory:
            self._speed.add_memory(names, family, plan.cost, taken_bytes)


def _write(result: Picture, source: PixelHeader, folder: Path) -> None:
    """Make the result's file, whole or not at all.

    Raises:
        OutputError: it cannot be; DiskFull where there is no room for it.
    """
    size_bytes = result_header(result, source).sample_bytes
    try:
        with whole(folder / spool.RESULT, size_bytes, overwrite=True) as file:
            write_pixels(result, source, file)
    except DiskFull as error:
        raise DiskFull(
            f"The disk or quota is full: the result needs {size_bytes / 2**20:.1f} MiB; nothing "
            "was written. With more room, it can be tried again."
        ) from error
    except OutputError as error:
        cause = error.__cause__
        reason = cause.strerror if isinstance(cause, OSError) else None
        raise OutputError(
            f"The result cannot be written: {reason or 'no reason given'}."
        ) from error
