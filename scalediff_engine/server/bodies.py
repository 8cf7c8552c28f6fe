"""Bodies of requests: the wire's own messages, read by the wire's own codec.

FastAPI makes the OpenAPI document from the dataclasses; what is accepted is decided by ``codec``,
so that both ends of the wire agree on it.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import Body
from pydantic import BeforeValidator

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
