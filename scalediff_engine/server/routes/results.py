"""What jobs make: previews and results."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from scalediff_engine.base.errors import WrongState
from scalediff_engine.client.messages import JobState
from scalediff_engine.client.pixels import MEDIA_TYPE
from scalediff_engine.jobs.spool import PREVIEW, RESULT
from scalediff_engine.server.routes.common import Id, TheEngine, send_file

router = APIRouter(tags=["jobs"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/v1/jobs/{job_id}/preview",
    response_class=StreamingResponse,
    responses={200: {"content": {"image/jpeg": _BINARY}, "description": "The newest preview"}},
)
async def preview(job_id: Id, engine: TheEngine) -> StreamingResponse:
    """Give the newest preview."""
    engine.desk.job(job_id)
    path = engine.spool.job_file(job_id, PREVIEW)
    return await send_file(path, "image/jpeg", "There is no preview of this job yet.")


@router.get(
    "/v1/jobs/{job_id}/result",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: _BINARY}, "description": "The result's pixels"}},
)
async def result(job_id: Id, engine: TheEngine) -> StreamingResponse:
    """Give the result of a job that is done."""
    job = engine.desk.job(job_id)
    if job.state is not JobState.DONE:
        raise WrongState(f"There is no result: the job is {job.state.value}.")
    path = engine.spool.job_file(job_id, RESULT)
    return await send_file(path, MEDIA_TYPE, "The result of this job was deleted.")
