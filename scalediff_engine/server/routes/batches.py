"""Batches of files: asked for, filled, begun, stopped, and watched."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

from fastapi import APIRouter, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from scalediff_engine.base.geometry import Size
from scalediff_engine.client import codec
from scalediff_engine.client.batch_client import ITEMS_AT_ONCE
from scalediff_engine.client.batches import BatchInfo, BatchItems, BatchList
from scalediff_engine.client.messages import EventKind, UpscaleSettings
from scalediff_engine.planning.settings_parsing import limit_of, model_of, settings_of, target_of
from scalediff_engine.server.events import STREAM, LastEventId, event_stream
from scalediff_engine.server.planner import require_device, require_model
from scalediff_engine.server.routes.common import BatchBody, BatchFilesBody, Id, TheEngine

router = APIRouter(tags=["batches"])

# As text, since a number would also be taken as "+0.0" and the like.
_Number = Annotated[str, Query(pattern="^[0-9]{1,15}$")]


@router.get("/v1/batches")
async def batches(engine: TheEngine) -> BatchList:
    """List all batches, the newest first."""
    return BatchList(engine.batches.batches())


@router.post("/v1/batches", status_code=201)
async def open_batch(wanted: BatchBody, engine: TheEngine) -> BatchInfo:
    """Take a batch whose settings make sense; its files follow."""
    await engine.threads_for(wanted.settings).run(_check, wanted.settings)
    return engine.batches.open(wanted)


@router.get("/v1/batches/{batch_id}")
async def batch(batch_id: Id, engine: TheEngine) -> BatchInfo:
    """Tell how a batch stands."""
    return engine.batches.batch(batch_id)


@router.delete("/v1/batches/{batch_id}")
async def remove(batch_id: Id, engine: TheEngine) -> BatchInfo:
    """Forget a batch, stopped if it is under way; results stay."""
    return engine.batches.remove(batch_id)


@router.post("/v1/batches/{batch_id}/files")
async def add(batch_id: Id, wanted: BatchFilesBody, engine: TheEngine) -> BatchInfo:
    """Add files to a batch that is open."""
    return engine.batches.add(batch_id, wanted.files)


@router.get("/v1/batches/{batch_id}/items")
async def items(
    batch_id: Id,
    engine: TheEngine,
    since: _Number = "0",
    start: _Number = "0",
    count: _Number = str(ITEMS_AT_ONCE),
) -> BatchItems:
    """Give files of a batch, by index: those that changed after an event."""
    at_most = min(int(count), ITEMS_AT_ONCE)
    return BatchItems(engine.batches.items(batch_id, int(since), int(start), at_most))


@router.post("/v1/batches/{batch_id}/resume")
async def resume(batch_id: Id, engine: TheEngine) -> BatchInfo:
    """Begin a batch, or go on with it."""
    return engine.batches.resume(batch_id)


@router.post("/v1/batches/{batch_id}/pause")
async def pause(batch_id: Id, engine: TheEngine) -> BatchInfo:
    """Leave a batch where it is, for now."""
    return engine.batches.pause(batch_id)


@router.post("/v1/batches/{batch_id}/cancel")
async def cancel(batch_id: Id, engine: TheEngine) -> BatchInfo:
    """Stop a batch; what is done stays."""
    return engine.batches.cancel(batch_id)


@router.post("/v1/batches/{batch_id}/retry")
async def retry(batch_id: Id, engine: TheEngine) -> BatchInfo:
    """Let files that failed or were cancelled wait again."""
    return engine.batches.retry(batch_id)


@router.get("/v1/batches/{batch_id}/events", response_class=EventSourceResponse, responses=STREAM)
async def events(
    batch_id: Id, engine: TheEngine, last_event_id: LastEventId
) -> EventSourceResponse:
    """Tell how a batch stands whenever that changes, as server-sent events, until it is over."""
    engine.batches.batch(batch_id)
    return event_stream(
        engine.batches.events(batch_id, last_event_id), _written, engine.shutdown, nullcontext()
    )


def _check(settings: UpscaleSettings) -> None:
    """Pass if settings make sense for one picture or another; each has its own plan.

    Raises:
        UsageError: a setting that makes no sense.
        ModelError: the model is not there or cannot be used.
    """
    for read in (model_of, limit_of, settings_of):
        read(settings)
    if settings.width is None and settings.height is None:
        target_of(Size(64, 64), settings)
    require_device(settings.device)
    require_model(settings)


def _written(event: tuple[EventKind, BatchInfo]) -> ServerSentEvent:
    kind, info = event
    data = codec.dumps(info).decode()
    return ServerSentEvent(data, event=kind.value, id=str(info.events), sep="\n")
