"""What all routes share: the engine, ids, bodies of requests, and files that are sent.

Bodies are the wire's own messages. FastAPI makes the OpenAPI document from the dataclasses; what is
accepted is decided by ``codec``, so that both ends of the wire agree on it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Body, Depends, Request
from fastapi import Path as PathParameter
from pydantic import BeforeValidator
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from scalediff_engine.base.errors import NotFound
from scalediff_engine.client import codec
from scalediff_engine.client.batches import BatchFiles, BatchRequest
from scalediff_engine.client.messages import (
    FolderRequest,
    JobRequest,
    ModelRequest,
    PlanRequest,
    SessionAnswer,
    SessionRequest,
)
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


T = TypeVar("T")

# More than that is no setting, and SQLite and C know no larger whole numbers.
_LARGEST = 2**63 - 1


def checked(kind: type[T], found: Any) -> T:  # noqa: ANN401 - whatever JSON holds
    """Read a message out of what JSON is made of.

    Raises:
        ValueError: it is none; says where and why.
    """
    if isinstance(found, bytes):
        raise ValueError("The body is not declared as application/json")
    message = codec.from_object(kind, found)
    codec.dumps(message)  # what cannot be told again is not taken
    _require_bounded(message)
    return message


def _require_bounded(value: Any) -> None:  # noqa: ANN401 - any part of a message
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("A whole number has more than 64 bits")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _require_bounded(getattr(value, field.name))
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            _require_bounded(item)


PlanBody = Annotated[PlanRequest, Body(), BeforeValidator(partial(checked, PlanRequest))]
JobBody = Annotated[JobRequest, Body(), BeforeValidator(partial(checked, JobRequest))]
SessionBody = Annotated[SessionRequest, Body(), BeforeValidator(partial(checked, SessionRequest))]
AnswerBody = Annotated[SessionAnswer, Body(), BeforeValidator(partial(checked, SessionAnswer))]
FolderBody = Annotated[FolderRequest, Body(), BeforeValidator(partial(checked, FolderRequest))]
ModelBody = Annotated[ModelRequest, Body(), BeforeValidator(partial(checked, ModelRequest))]
BatchBody = Annotated[BatchRequest, Body(), BeforeValidator(partial(checked, BatchRequest))]
BatchFilesBody = Annotated[BatchFiles, Body(), BeforeValidator(partial(checked, BatchFiles))]
