"""The pre-flight."""

from __future__ import annotations

from fastapi import APIRouter

from scalediff_engine.base.errors import UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import PlanInfo, UpscaleSettings, Window
from scalediff_engine.client.pixels import MAX_SIDE
from scalediff_engine.server.bodies import PlanBody
from scalediff_engine.server.engine import Engine
from scalediff_engine.server.routes.common import TheEngine

router = APIRouter(tags=["jobs"])


@router.post("/v1/plan")
async def plan(wanted: PlanBody, engine: TheEngine) -> PlanInfo:
    """Tell what an upscale would cost; one that does not fit has a ``problem``."""
    for side in (wanted.width, wanted.height):
        if not 1 <= side <= MAX_SIDE:
            raise UsageError(f"A side of {side} pixels; it goes from 1 to {MAX_SIDE}.")
    size = Size(wanted.width, wanted.height)
    return await planned(engine, size, wanted.settings, wanted.window)


async def planned(
    engine: Engine, source: Size, settings: UpscaleSettings, window: Window | None = None
) -> PlanInfo:
    """Plan with what the engine has, in a thread, since it reads files.

    Raises:
        UsageError: a setting that makes no sense, or a window outside the result.
        ModelError: the model is not there or cannot be used.
        EngineBusy: its files do not answer.
    """
    pid = engine.desk.worker_pid
    threads = engine.threads_for(settings)
    return await threads.run(engine.planner, source, settings, pid, window)
