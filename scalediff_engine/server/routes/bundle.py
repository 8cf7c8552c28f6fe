"""What goes into a report."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from scalediff_engine.server.bundle import pack, program_logs
from scalediff_engine.server.routes.common import TheEngine

router = APIRouter(tags=["engine"])

_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/v1/bundle",
    response_class=Response,
    responses={200: {"content": _ZIP, "description": "Logs, versions, device facts, settings"}},
)
async def bundle(engine: TheEngine) -> Response:
    """Pack logs, versions, device facts and settings, without what is personal."""
    device = await engine.device.fresh()
    jobs = engine.desk.jobs()
    data = await run_in_threadpool(
        pack, [engine.places.log, program_logs()], jobs, device, [engine.token]
    )
    return Response(data, media_type="application/zip")
