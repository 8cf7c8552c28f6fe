"""The application: routes behind the security checks, and every refusal as a ``Problem``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

import scalediff_engine
from scalediff_engine.base.errors import (
    DiskFull,
    EngineBusy,
    InputError,
    ModelError,
    ModelMissing,
    NotEnoughMemory,
    NotFound,
    ProtocolMismatch,
    ScaleDiffError,
    UsageError,
    WrongState,
)
from scalediff_engine.client import codec
from scalediff_engine.client.messages import Problem
from scalediff_engine.server.engine import Engine
from scalediff_engine.server.routes import batches, health, images, jobs, models, sessions
from scalediff_engine.server.security import Door
from scalediff_engine.server.serve import Application, ServerEndpoint

# The first class that fits decides.
_STATUSES: tuple[tuple[type[ScaleDiffError], int], ...] = (
    (NotFound, 404),
    (WrongState, 409),
    (UsageError, 422),
    (InputError, 422),
    (ModelMissing, 404),
    (ModelError, 422),
    (NotEnoughMemory, 409),
    (DiskFull, 507),
    (ProtocolMismatch, 426),
    (EngineBusy, 503),
)
_NO_SUCH_METHOD = 405
_BUG = 500
_LONGEST_MESSAGE = 2000
_LONGEST_REASON = 300

_WORDS: Mapping[int, Problem] = {
    400: Problem("usage", "The body is no JSON that can be read."),
    404: Problem("not-found", "There is nothing of this name here."),
    405: Problem("usage", "This method does not exist here; the Allow header names those that do."),
}

# What the door answers, and what any route may answer besides its success.
DOCUMENTED: Mapping[int, str] = {
    400: "The request cannot be read, or has the token in its URL",
    401: "The token is missing or wrong",
    403: "Not from this computer's own programs: address, Host or Origin",
    404: "It is not there (any more)",
    405: "No such method here",
    408: "The body did not arrive in time",
    409: "It makes no sense in this state, or does not fit into memory",
    411: "A body without a Content-Length",
    413: "The body is too long",
    422: "A value is wrong; the message says which, and what would work",
    426: "The two sides speak different versions of the wire",
    500: "A defect of the engine; its log has the details",
    503: "Too many requests are open, or files do not answer",
    507: "The disk or the quota is full",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words} for status, words in DOCUMENTED.items()
}


def status_of(error: ScaleDiffError) -> int:
    """Give the HTTP status of a deliberate error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), _BUG)


def answer(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Give a refusal."""
    # a file's name in a message need not be text
    message = problem.message[:_LONGEST_MESSAGE].encode("utf-8", "replace").decode()
    body = codec.dumps(Problem(problem.code, message))
    return Response(body, status, dict(headers or {}), "application/json")


def unexpected() -> Response:
    """Give what is said of a bug."""
    sentence = "Something unexpected went wrong in the engine; its log has the details."
    return answer(_BUG, Problem("error", sentence))


def sentence_of(errors: Sequence[Any]) -> str:
    """Say in one sentence what the first failed validation is about."""
    first = errors[0]
    reason = str(first["msg"]).removeprefix("Value error, ")[:_LONGEST_REASON].rstrip(".")
    place = ".".join(str(part)[:80] for part in first["loc"][1:])
    if first["type"] in ("value_error", "json_invalid") or not place:
        return f"{reason}."
    return f"{place}: {reason}."


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """Give all methods of a path, of which each may have a route to itself."""
    found: set[str] = set()
    for route in routes:
        if route.matches(scope)[0] is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return sorted(found)


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Have an application with these routes answer all errors as ``Problem``."""

    async def deliberate(_: Request, error: Exception) -> Response:
        assert isinstance(error, ScaleDiffError)
        return answer(status_of(error), Problem(error.code, str(error)))

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(422, Problem("usage", sentence_of(error.errors())))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = _WORDS.get(error.status_code, Problem("usage", str(error.detail)))
        headers = dict(error.headers or {})
        if error.status_code == _NO_SUCH_METHOD:
            headers["Allow"] = ", ".join(_methods(routes, request.scope))
        return answer(error.status_code, problem, headers)

    app.add_exception_handler(ScaleDiffError, deliberate)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


OPENAPI = "/v1/openapi.json"

_ROUTERS = tuple(module.router for module in (health, images, jobs, batches, models, sessions))


def create_app(engine: Engine) -> FastAPI:
    """Give the application of an engine, which it starts and closes."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await engine.start()
        try:
            yield
        finally:
            await engine.close()

    app = FastAPI(
        title="ScaleDiff engine",
        version=scalediff_engine.__version__,
        lifespan=lifespan,
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=RESPONSES,
    )
    app.state.engine = engine
    # the door checks it; here it is told to those who read the document
    bearer = [Security(HTTPBearer(auto_error=False))]
    app.include_router(health.proof_router)
    for router in _ROUTERS:
        app.include_router(router, dependencies=bearer)
    routes = [
        *app.routes,
        *(route for router in (health.proof_router, *_ROUTERS) for route in router.routes),
    ]
    install(app, routes)
    app.add_middleware(
        Door,
        token=engine.token,
        upload_bytes=engine.spool.limits.upload_bytes,
        activity=engine.activity,
    )
    return app


def application_of(engine: Engine, endpoint: ServerEndpoint) -> Application:
    """Put an engine behind the server's endpoint."""
    engine.port = endpoint.port
    engine.on_leave = endpoint.stop
    return Application(create_app(engine), engine.pulse, engine.leave)
