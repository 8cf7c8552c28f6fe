"""Server-sent events: a stream of numbered messages that ends when the engine does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

from scalediff_engine.client.messages import EventKind

T = TypeVar("T")

PING_SECONDS = 10.0

_EVENT = {
    "type": "object",
    "description": "Each event; comments keep the connection alive",
    "properties": {
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "event": {"type": "string", "enum": [kind.value for kind in EventKind]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["id", "event", "data"],
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": _EVENT}},
        "description": "Server-sent events",
    }
}

# What a client that reconnects has seen; nothing: all from the beginning. As text, since a number
# would also be taken as "+0.0" and the like, which is more than the document says.
_LastEventId = Annotated[str, Header(alias="Last-Event-ID", pattern="^[0-9]{1,15}$")]


async def _last_event(last_event_id: _LastEventId = "0") -> int:
    return int(last_event_id)


LastEventId = Annotated[int, Depends(_last_event)]


def event_stream(
    events: AsyncIterator[T],
    written: Callable[[T], ServerSentEvent],
    stopping: asyncio.Event,
    watching: AbstractContextManager[None],
) -> EventSourceResponse:
    """Answer with a stream.

    Args:
        events: until nothing more happens
        written: gives an event as it is sent
        stopping: ends the stream early
        watching: entered for as long as somebody reads
    """

    async def stream() -> AsyncIterator[ServerSentEvent]:
        with watching:
            async for event in until(stopping, events):
                yield written(event)

    def ping() -> ServerSentEvent:
        return ServerSentEvent(comment="ping", sep="\n")

    return EventSourceResponse(stream(), ping=PING_SECONDS, sep="\n", ping_message_factory=ping)


async def until(stopping: asyncio.Event, events: AsyncIterator[T]) -> AsyncIterator[T]:
    """Give events until there are no more, or until ``stopping`` is set."""
    stop = asyncio.ensure_future(stopping.wait())
    following: asyncio.Future[tuple[T, ...]] | None = None
    try:
        while not stopping.is_set():
            following = asyncio.ensure_future(_next(events))
            await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            found = following.result()
            if not found:
                return
            yield found[0]
    finally:  # nothing is awaited here: whoever read may have been cancelled
        stop.cancel()
        if following is not None:
            following.cancel()


async def _next(events: AsyncIterator[T]) -> tuple[T, ...]:
    """The next one, or nothing at the end."""
    try:
        return (await anext(events),)
    except StopAsyncIteration:
        return ()
