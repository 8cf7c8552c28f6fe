"""That the engine is there, and its end."""

from __future__ import annotations

import os

import psutil
from fastapi import APIRouter, Response

import scalediff_engine
from scalediff_engine.client.messages import PROTOCOL, Health
from scalediff_engine.server.routes.common import TheEngine

router = APIRouter(tags=["engine"])


@router.get("/v1/health")
async def health(engine: TheEngine) -> Health:
    """Tell how the engine is; answers at once."""
    queued, running = engine.desk.counts()
    return Health(
        version=scalediff_engine.__version__,
        protocol=PROTOCOL,
        pid=os.getpid(),
        uptime_seconds=engine.uptime_seconds,
        memory_bytes=psutil.Process().memory_info().rss,
        device=engine.device.last(),
        worker=engine.desk.worker_state,
        worker_pid=engine.desk.worker_pid,
        queued=queued,
        running=running,
    )


@router.post("/v1/shutdown", status_code=202, response_class=Response)
async def shutdown(engine: TheEngine) -> Response:
    """Have the engine end; a job that runs goes on when there is one again."""
    engine.leave()
    return Response(status_code=202)
