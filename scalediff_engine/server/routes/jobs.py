"""Jobs: planned, asked for, looked at, stopped and watched, and what they make."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from scalediff_engine.base.errors import NotEnoughMemory, UsageError, WrongState
from scalediff_engine.base.geometry import Size
from scalediff_engine.client import codec
from scalediff_engine.client.messages import (
    JobEvent,
    JobInfo,
    JobList,
    JobState,
    PlanInfo,
    UpscaleSettings,
    Window,
)
from scalediff_engine.client.pixels import MAX_SIDE, MEDIA_TYPE
from scalediff_engine.jobs.spool import PREVIEW, RESULT
from scalediff_engine.server.engine import Engine
from scalediff_engine.server.events import STREAM, LastEventId, event_stream
from scalediff_engine.server.planner import require_model
from scalediff_engine.server.routes.common import Id, JobBody, PlanBody, TheEngine, send_file

router = APIRouter(tags=["jobs"])


@router.post("/v1/jobs", status_code=201)
async def submit(wanted: JobBody, engine: TheEngine) -> JobInfo:
    """Take a job whose settings make sense and whose plan fits."""
    source = await run_in_threadpool(engine.spool.image, wanted.image)
    size = Size(source.width, source.height)
    plan = await planned(engine, size, wanted.settings, wanted.window)
    if plan.problem is not None:
        raise NotEnoughMemory(plan.problem.message)
    await engine.threads_for(wanted.settings).run(require_model, wanted.settings)
    engine.spool.touch_image(source.id)
    job = engine.scheduler.submit(wanted, source, Size(plan.width, plan.height))
    if not job.keep:
        engine.watchers.expect(job.id)
    return job


@router.get("/v1/jobs")
async def jobs(
    engine: TheEngine,
    limit: Annotated[str, Query(pattern="^[1-9][0-9]{0,3}$")] = "",
    after: Annotated[str, Query(pattern="^[0-9]{1,15}$")] = "",
) -> JobList:
    """List jobs, the newest first; those that ended are known for a day.

    With ``limit`` at most so many; ``next`` of one page is ``after`` of the following one.
    """
    found, following = engine.scheduler.page(
        int(limit) if limit else None, int(after) if after else None
    )
    return JobList(found, "" if following is None else str(following))


@router.get("/v1/jobs/{job_id}")
async def job(job_id: Id, engine: TheEngine) -> JobInfo:
    """Tell how a job stands."""
    return engine.scheduler.job(job_id)


@router.delete("/v1/jobs/{job_id}")
async def remove(job_id: Id, engine: TheEngine) -> JobInfo:
    """Cancel a job that is under way; forget one that has ended, with its result."""
    _require_free(engine, job_id)
    found = engine.scheduler.job(job_id)
    if not found.state.is_final:
        return engine.scheduler.cancel(job_id)
    engine.scheduler.remove(job_id)
    engine.watchers.forget(job_id)
    return found


@router.post("/v1/jobs/{job_id}/cancel")
async def cancel(job_id: Id, engine: TheEngine) -> JobInfo:
    """Stop a job for good."""
    return engine.scheduler.cancel(job_id)


@router.post("/v1/jobs/{job_id}/pause")
async def pause(job_id: Id, engine: TheEngine) -> JobInfo:
    """Leave a job where it is, for now."""
    _require_free(engine, job_id)
    return engine.scheduler.pause(job_id)


@router.post("/v1/jobs/{job_id}/resume")
async def resume(job_id: Id, engine: TheEngine) -> JobInfo:
    """Go on with a job that was left."""
    _require_free(engine, job_id)
    return engine.scheduler.resume(job_id)


@router.post("/v1/jobs/{job_id}/retry")
async def retry(job_id: Id, engine: TheEngine) -> JobInfo:
    """Try a job again that failed or was cancelled."""
    _require_free(engine, job_id)
    found = engine.scheduler.retry(job_id)
    if not found.keep:
        engine.watchers.expect(job_id)
    return found


@router.get("/v1/jobs/{job_id}/events", response_class=EventSourceResponse, responses=STREAM)
async def events(job_id: Id, engine: TheEngine, last_event_id: LastEventId) -> EventSourceResponse:
    """Tell what happens to a job, as server-sent events, until it has ended."""
    engine.scheduler.job(job_id)
    return event_stream(
        engine.scheduler.events(job_id, last_event_id),
        _written,
        engine.shutdown,
        engine.watchers.watching(job_id),
    )


def _require_free(engine: Engine, job_id: str) -> None:
    """Pass if a job is nobody's but whoever asks; of a batch's, only the file can be left out."""
    if engine.batches.has_job(job_id):
        raise WrongState("This job does a file of a batch: only the batch says when it is done.")


def _written(event: JobEvent) -> ServerSentEvent:
    data = codec.dumps(event).decode()
    return ServerSentEvent(data, event=event.kind.value, id=str(event.number), sep="\n")


@router.post("/v1/plan")
async def plan(wanted: PlanBody, engine: TheEngine) -> PlanInfo:
    """Tell what an upscale would cost; one that does not fit has a ``problem``."""
    for side in (wanted.width, wanted.height):
        if not 1 <= side <= MAX_SIDE:
            raise UsageError(f"A side must be between 1 and {MAX_SIDE} pixels (got {side}).")
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
    pid = engine.scheduler.worker_pid
    threads = engine.threads_for(settings)
    return await threads.run(engine.planner, source, settings, pid, window)


_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/v1/jobs/{job_id}/preview",
    response_class=StreamingResponse,
    responses={200: {"content": {"image/jpeg": _BINARY}, "description": "The newest preview"}},
)
async def preview(job_id: Id, engine: TheEngine) -> StreamingResponse:
    """Give the newest preview."""
    engine.scheduler.job(job_id)
    path = engine.spool.job_file(job_id, PREVIEW)
    return await send_file(path, "image/jpeg", "There is no preview of this job yet.")


@router.get(
    "/v1/jobs/{job_id}/result",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: _BINARY}, "description": "The result's pixels"}},
)
async def result(job_id: Id, engine: TheEngine) -> StreamingResponse:
    """Give the result of a job that is done."""
    job = engine.scheduler.job(job_id)
    if job.state is not JobState.DONE:
        raise WrongState(f"There is no result: the job is {job.state.value}.")
    path = engine.spool.job_file(job_id, RESULT)
    return await send_file(path, MEDIA_TYPE, "The result of this job was deleted.")
