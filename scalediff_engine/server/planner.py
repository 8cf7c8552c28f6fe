"""The pre-flight: what an upscale would come to, as the wire tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scalediff_engine.base.errors import NotEnoughMemory, UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import PlanInfo, Problem, StageInfo, UpscaleSettings, Window
from scalediff_engine.families import registry as families
from scalediff_engine.memory.device_info import NOTHING_HELD, find_device, held_by
from scalediff_engine.planning.planner import PlannedJob, plan_for
from scalediff_engine.store.locate import locate

# (source, settings, the worker's process or None, the part that is wanted or None)
Planner = Callable[[Size, UpscaleSettings, int | None, Window | None], PlanInfo]


def require_model(settings: UpscaleSettings) -> None:
    """Pass if the weights are on this machine; a plan can do without them, a job cannot.

    Raises:
        ModelError: the model is not there or cannot be used, or what it borrows from.
    """
    if not families.comes_with_program(settings.model):
        families.find(settings.model)
    if settings.text_encoders_from is not None:
        locate(settings.text_encoders_from, families.FAMILIES)


def reads_user_files(settings: UpscaleSettings) -> bool:
    """Tell whether a plan reads files besides those of this program."""
    ships = families.comes_with_program(settings.model)
    return bool(settings.loras or settings.text_encoders_from or not ships)


def require_device(word: str) -> None:
    """Pass if there is such a device; a plan for another would be no use.

    Raises:
        UsageError: there is none.
    """
    if word not in ("auto", "cpu") and find_device(word) == find_device("cpu"):
        raise UsageError(f"There is no device '{word}' on this machine.")


def plan(
    source: Size,
    settings: UpscaleSettings,
    worker_pid: int | None,
    window: Window | None = None,
) -> PlanInfo:
    """Plan an upscale on this machine; takes milliseconds, reads headers of files.

    Args:
        source: of the picture
        settings: what is wanted
        worker_pid: of the process whose model will make room for the job
        window: the part of the result that is wanted; None = all of it

    Raises:
        UsageError: a setting that makes no sense, or a window outside the result.
        ModelError: the model is not there or cannot be used.
    """
    held = NOTHING_HELD if worker_pid is None else held_by(worker_pid)
    prepared = plan_for(source, settings, window=window, held=held)
    require_device(settings.device)
    problem: Problem | None = None
    fits_scale: float | None = None
    try:
        prepared.require_room()
    except NotEnoughMemory as error:
        problem = Problem(error.code, str(error))
        if window is None:
            fits_scale = fitting_scale(
                source,
                settings,
                prepared.plan.target,
                lambda smaller: plan_for(source, smaller, held=held),
            )
    room = prepared.machine.room
    device = find_device(prepared.choice.device) if room is None else room.device
    found = prepared.plan
    wanted = found.target if found.window is None else found.window.size
    return PlanInfo(
        width=wanted.width,
        height=wanted.height,
        model=prepared.facts.title,
        device=device.name,
        stages=[
            StageInfo(stage.computed.width, stage.computed.height, stage.steps)
            for stage in found.stages
        ],
        seconds=prepared.seconds,
        peak_bytes=prepared.plan.cost.peak_bytes,
        available_bytes=prepared.machine.available_bytes,
        problem=problem,
        notes=list(prepared.notes),
        fits_scale=fits_scale,
    )


_PARTS = 10  # scales are tried in tenths
# What is free goes up and down while somebody reads what would fit.
_SHARE = 0.97


def fitting_scale(
    source: Size,
    settings: UpscaleSettings,
    target: Size,
    plan: Callable[[UpscaleSettings], PlannedJob],
) -> float | None:
    """Give the largest scale, in tenths, that fits where ``settings`` does not.

    Args:
        source: of the picture
        settings: what does not fit
        target: what it would come to
        plan: plans settings on this machine; milliseconds, and asked a few times

    Returns:
        a scale whose plan fits, or None if not even the picture's own size does
    """

    def fits(tenths: int) -> bool:
        smaller = replace(settings, scale=tenths / _PARTS, width=None, height=None)
        found = plan(smaller)
        return found.plan.cost.peak_bytes <= _SHARE * found.machine.available_bytes

    fitting, too_large = _PARTS, round(_PARTS * target.width / source.width)
    if too_large <= fitting or not fits(fitting):
        return None
    while too_large - fitting > 1:
        middle = (fitting + too_large) // 2
        if fits(middle):
            fitting = middle
        else:
            too_large = middle
    return fitting / _PARTS
