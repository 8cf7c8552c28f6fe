"""Jobs: asked for, looked at, stopped, and watched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from scalediff_engine.base.errors import NotEnoughMemory, WrongState
from scalediff_engine.base.geometry import Size
from scalediff_engine.client import codec
from scalediff_engine.client.messages import JobEvent, JobInfo, JobList
from scalediff_engine.server.bodies import JobBody
from scalediff_engine.server.engine import Engine
from scalediff_engine.server.events import STREAM, LastEventId, event_stream
from scalediff_engine.server.planner import require_model
from scalediff_engine.server.routes.common import Id, TheEngine
from scalediff_engine.server.routes.plans import planned

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
    job = engine.desk.submit(wanted, source, Size(plan.width, plan.height))
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
    found, following = engine.desk.page(
        int(limit) if limit else None, int(after) if after else None
    )
    return JobList(found, "" if following is None else str(following))


@router.get("/v1/jobs/{job_id}")
async def job(job_id: Id, engine: TheEngine) -> JobInfo:
    """Tell how a job stands."""
    return engine.desk.job(job_id)


@router.delete("/v1/jobs/{job_id}")
async def remove(job_id: Id, engine: TheEngine) -> JobInfo:
    """Cancel a job that is under way; forget one that has ended, with its result."""
    _require_free(engine, job_id)
    found = engine.desk.job(job_id)
    if not found.state.is_final:
        return engine.desk.cancel(job_id)
    engine.desk.remove(job_id)
    engine.watchers.forget(job_id)
    return found


@router.post("/v1/jobs/{job_id}/cancel")
async def cancel(job_id: Id, engine: TheEngine) -> JobInfo:
    """Stop a job for good."""
    return engine.desk.cancel(job_id)


@router.post("/v1/jobs/{job_id}/pause")
async def pause(job_id: Id, engine: TheEngine) -> JobInfo:
    """Leave a job where it is, for now."""
    _require_free(engine, job_id)
    return engine.desk.pause(job_id)


@router.post("/v1/jobs/{job_id}/resume")
async def resume(job_id: Id, engine: TheEngine) -> JobInfo:
    """Go on with a job that was left."""
    _require_free(engine, job_id)
    return engine.desk.resume(job_id)


@router.post("/v1/jobs/{job_id}/retry")
async def retry(job_id: Id, engine: TheEngine) -> JobInfo:
    """Try a job again that failed or was cancelled."""
    _require_free(engine, job_id)
    found = engine.desk.retry(job_id)
    if not found.keep:
        engine.watchers.expect(job_id)
    return found


@router.get("/v1/jobs/{job_id}/events", response_class=EventSourceResponse, responses=STREAM)
async def events(job_id: Id, engine: TheEngine, last_event_id: LastEventId) -> EventSourceResponse:
    """Tell what happens to a job, as server-sent events, until it has ended."""
    engine.desk.job(job_id)
    return event_stream(
        engine.desk.events(job_id, last_event_id),
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
