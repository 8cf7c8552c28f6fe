"""That the engine is there, and its end."""

from __future__ import annotations

import os
from typing import Annotated

import psutil
from fastapi import APIRouter, Header, Response

import scalediff_engine
from scalediff_engine.client.messages import PROTOCOL, EngineProof, Health
from scalediff_engine.client.proof import NONCE_HEADER, NONCE_PATTERN, PROOF_PATH, prove
from scalediff_engine.server.routes.common import TheEngine

router = APIRouter(tags=["engine"])

_Nonce = Annotated[str, Header(alias=NONCE_HEADER, pattern=NONCE_PATTERN)]


@router.get(PROOF_PATH)
async def proof(engine: TheEngine, nonce: _Nonce) -> EngineProof:
    """Prove to a client that this is the engine, before it sends the token."""
    return prove(engine.token, nonce, os.getpid(), engine.port)


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
