"""Models that jobs can name."""

from __future__ import annotations

from fastapi import APIRouter

from scalediff_engine.server.routes.common import TheEngine
from scalediff_engine.wire.messages import ModelList

router = APIRouter(tags=["engine"])


@router.get("/v1/models")
async def models(engine: TheEngine) -> ModelList:
    """List families and the models that are on this machine."""
    return await engine.models.fresh()
