"""Uploads: pixels that jobs are about."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from scalediff_engine.base import running_time
from scalediff_engine.base.errors import UnreadablePicture, WrongState
from scalediff_engine.client.messages import ImageInfo
from scalediff_engine.client.pixels import MEDIA_TYPE
from scalediff_engine.jobs.spool import Spool
from scalediff_engine.server.routes.common import CHUNK_BYTES, Id, TheEngine, send_file

router = APIRouter(tags=["images"])

# Nobody on this computer is slower, unless they have stopped.
SILENCE_SECONDS = 30.0

_PIXELS = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


@router.post(
    "/v1/images",
    status_code=201,
    openapi_extra={"requestBody": {"required": True, "content": _PIXELS}},
)
async def upload(request: Request, engine: TheEngine) -> ImageInfo:
    """Take pixels, see ``client.pixels``; checked as they come."""
    announced = int(request.headers.get("content-length", "0"))
    return await receive(engine.spool, announced, request.stream())


@router.get(
    "/v1/images/{image_id}",
    response_class=StreamingResponse,
    responses={200: {"content": _PIXELS, "description": "The bytes that were uploaded"}},
)
async def download(image_id: Id, engine: TheEngine) -> StreamingResponse:
    """Give an upload back."""
    missing = f"There is no image {image_id} (any more)."
    return await send_file(engine.spool.image_file(image_id), MEDIA_TYPE, missing)


@router.delete("/v1/images/{image_id}", status_code=204, response_class=Response)
async def remove(image_id: Id, engine: TheEngine) -> Response:
    """Delete an upload that no job and no dialog needs."""
    busy = [j for j in engine.scheduler.jobs() if j.image == image_id and not j.state.is_final]
    if busy:
        raise WrongState(f"The image is needed: job {busy[0].id} is {busy[0].state.value}.")
    if image_id in engine.sessions.images():
        raise WrongState("The image is needed: a dialog about it is open.")
    engine.spool.remove_image(image_id)
    return Response(status_code=204)


async def receive(spool: Spool, length_bytes: int, chunks: AsyncIterator[bytes]) -> ImageInfo:
    """Put an upload into the spool; it is there whole, or nothing of it.

    Args:
        spool: where to
        length_bytes: as announced
        chunks: as they come

    Raises:
        UnreadablePicture: they are not what they say they are, or nothing comes any more.
        PictureTooLarge: there are too many of them.
        DiskFull: there is no room.
    """
    with await run_in_threadpool(spool.receive, length_bytes) as arriving:
        waiting = bytearray()
        async for chunk in _in_time(chunks):
            arriving.feed(chunk)
            waiting += chunk
            if len(waiting) >= CHUNK_BYTES:
                full, waiting = waiting, bytearray()
                await run_in_threadpool(arriving.write, full)
        await run_in_threadpool(arriving.write, waiting)
        return await run_in_threadpool(arriving.finish)


async def _in_time(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            chunk = await running_time.wait_for(anext(chunks, None), SILENCE_SECONDS)
        except TimeoutError as error:
            raise UnreadablePicture(
                f"Nothing came of the upload for {SILENCE_SECONDS:g} s, so it was given up."
            ) from error
        if chunk is None:
            return
        yield chunk
