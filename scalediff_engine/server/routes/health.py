"""The engine itself: that it is there, its proof, a report, and its end."""

from __future__ import annotations

import os
from typing import Annotated

import psutil
from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

import scalediff_engine
from scalediff_engine.client.messages import PROTOCOL, EngineProof, Health
from scalediff_engine.client.transport import NONCE_HEADER, NONCE_PATTERN, PROOF_PATH, prove
from scalediff_engine.server.bundle import pack, program_logs
from scalediff_engine.server.routes.common import TheEngine

router = APIRouter(tags=["engine"])


@router.get("/v1/health")
async def health(engine: TheEngine) -> Health:
    """Tell how the engine is; answers at once."""
    queued, running = engine.scheduler.counts()
    return Health(
        version=scalediff_engine.__version__,
        protocol=PROTOCOL,
        pid=os.getpid(),
        uptime_seconds=engine.uptime_seconds,
        memory_bytes=_memory_bytes(),
        device=engine.device.last(),
        worker=engine.scheduler.worker_state,
        worker_pid=engine.scheduler.worker_pid,
        queued=queued,
        running=running,
    )


@router.post("/v1/shutdown", status_code=202, response_class=Response)
async def shutdown(engine: TheEngine) -> Response:
    """Have the engine end; a job that runs goes on when there is one again."""
    engine.leave()
    return Response(status_code=202)


proof_router = APIRouter(tags=["engine"])

_Nonce = Annotated[str, Header(alias=NONCE_HEADER, pattern=NONCE_PATTERN)]


@proof_router.get(PROOF_PATH)
async def proof(engine: TheEngine, nonce: _Nonce) -> EngineProof:
    """Prove to a client that this is the engine, before it sends the token."""
    return prove(engine.token, nonce, os.getpid(), engine.port)


_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/v1/bundle",
    response_class=Response,
    responses={200: {"content": _ZIP, "description": "Logs, versions, device facts, settings"}},
)
async def bundle(engine: TheEngine) -> Response:
    """Pack logs, versions, device facts and settings, without what is personal."""
    device = await engine.device.fresh()
    jobs = engine.scheduler.jobs()
    data = await run_in_threadpool(
        pack, [engine.places.log, program_logs()], jobs, device, [engine.token]
    )
    return Response(data, media_type="application/zip")


def _memory_bytes() -> int:
    """Give what this process takes, 0 while it cannot open another file to read it."""
    try:
        return psutil.Process().memory_info().rss
    except OSError:
        return 0
