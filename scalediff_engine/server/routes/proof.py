"""The engine's proof to a client that has not sent its token yet."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import APIRouter, Header

from scalediff_engine.client.messages import EngineProof
from scalediff_engine.client.proof import NONCE_HEADER, NONCE_PATTERN, PROOF_PATH, prove
from scalediff_engine.server.routes.common import TheEngine

router = APIRouter(tags=["engine"])

_Nonce = Annotated[str, Header(alias=NONCE_HEADER, pattern=NONCE_PATTERN)]


@router.get(PROOF_PATH)
async def proof(engine: TheEngine, nonce: _Nonce) -> EngineProof:
    """Prove to a client that this is the engine, before it sends the token."""
    return prove(engine.token, nonce, os.getpid(), engine.port)
