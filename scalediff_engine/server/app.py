"""The application: routes over the engine, behind the door."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

import scalediff_engine
from scalediff_engine.server import problems
from scalediff_engine.server.engine import Engine
from scalediff_engine.server.routes import batches, health, images, jobs, models, sessions
from scalediff_engine.server.security import Door
from scalediff_engine.server.serve import Application, ServerEndpoint

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
        responses=problems.RESPONSES,
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
    problems.install(app, routes)
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
