"""What all routes share: the engine, ids, and files that are sent."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from io import FileIO
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Path as PathParameter
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from scalediff_engine.base.errors import NotFound
from scalediff_engine.server.engine import Engine

CHUNK_BYTES = 2**20


async def _engine(request: Request) -> Engine:
    engine = request.app.state.engine
    assert isinstance(engine, Engine)
    return engine


TheEngine = Annotated[Engine, Depends(_engine)]

Id = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$")]


class FileResponse(StreamingResponse):
    """A file of the spool, read in a thread in large pieces.

    Args:
        file: open; closed when all of it was sent, or nobody wants the rest
        size_bytes: of all of it
        media_type: what it is
    """

    def __init__(self, file: FileIO, size_bytes: int, media_type: str) -> None:
        headers = {"Content-Length": str(size_bytes)}
        super().__init__(_pieces(file, size_bytes), headers=headers, media_type=media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it (ASGI)."""
        with self._file:
            await super().__call__(scope, receive, send)


async def send_file(path: Path, media_type: str, missing: str) -> FileResponse:
    """Answer with a file.

    Args:
        path: of the file
        media_type: what it is
        missing: what to say if it is not there

    Raises:
        NotFound: it is not there.
    """
    try:
        file, size_bytes = await run_in_threadpool(_opened, path)
    except FileNotFoundError as error:
        raise NotFound(missing) from error
    return FileResponse(file, size_bytes, media_type)


def _opened(path: Path) -> tuple[FileIO, int]:
    file = FileIO(path)
    return file, os.fstat(file.fileno()).st_size


async def _pieces(file: FileIO, size_bytes: int) -> AsyncIterator[bytes]:
    left = size_bytes
    while left > 0:
        # not left alone by whoever goes away: the file is closed after the thread is through
        piece = await run_in_threadpool(file.read, min(CHUNK_BYTES, left))
        if not piece:
            raise OSError("A file of the spool became shorter while it was sent.")
        left -= len(piece)
        yield piece
