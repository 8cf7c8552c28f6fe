"""Sessions: dialogs for hosts."""

from __future__ import annotations

from fastapi import APIRouter
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from scalediff_engine.base.errors import UsageError, WrongState
from scalediff_engine.client import codec
from scalediff_engine.client.messages import JobState, Purpose, SessionInfo
from scalediff_engine.server.events import STREAM, LastEventId, event_stream
from scalediff_engine.server.routes.common import AnswerBody, Id, SessionBody, TheEngine

router = APIRouter(tags=["sessions"])


@router.post("/v1/sessions", status_code=201)
async def open_session(wanted: SessionBody, engine: TheEngine) -> SessionInfo:
    """Open a dialog about an upload, or about the results of the last day."""
    if wanted.purpose is Purpose.RECENT:
        if wanted.image:
            raise UsageError("A dialog of recent results is about no image: 'image' is empty.")
    else:
        await run_in_threadpool(engine.spool.image, wanted.image)
        engine.spool.touch_image(wanted.image)
    return await engine.sessions.open(wanted)


@router.get("/v1/sessions/{session_id}")
async def session(session_id: Id, engine: TheEngine) -> SessionInfo:
    """Tell how a session stands."""
    return engine.sessions.session(session_id)


@router.post("/v1/sessions/{session_id}/answer")
async def answer(session_id: Id, said: AnswerBody, engine: TheEngine) -> SessionInfo:
    """Take the dialog's answer."""
    if said.job is not None:
        job = engine.scheduler.job(said.job)
        purpose = engine.sessions.session(session_id).purpose
        if said.accepted and purpose is Purpose.RECENT and job.state is not JobState.DONE:
            raise WrongState(f"There is no result: the job is {job.state.value}.")
    return engine.sessions.answer(session_id, said)


@router.delete("/v1/sessions/{session_id}")
async def end(session_id: Id, engine: TheEngine) -> SessionInfo:
    """End a session, and its dialog with it."""
    return engine.sessions.end(session_id)


@router.get(
    "/v1/sessions/{session_id}/events", response_class=EventSourceResponse, responses=STREAM
)
async def events(
    session_id: Id, engine: TheEngine, last_event_id: LastEventId
) -> EventSourceResponse:
    """Tell what happens to a session, as server-sent events, until it has ended."""
    engine.sessions.session(session_id)
    return event_stream(
        engine.sessions.events(session_id, last_event_id),
        _written,
        engine.shutdown,
        engine.sessions.watching(session_id),
    )


def _written(info: SessionInfo) -> ServerSentEvent:
    data = codec.dumps(info).decode()
    return ServerSentEvent(data, event="state", id=str(info.events), sep="\n")
