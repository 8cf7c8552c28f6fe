"""``scalediff serve``: checks what it is told and puts the engine together."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

from scalediff_engine.base.errors import EngineError, ScaleDiffError, UsageError
from scalediff_engine.cli import streams
from scalediff_engine.client.places import default_home
from scalediff_engine.server.dialog import let_children_find_us
from scalediff_engine.server.journal import LEVELS
from scalediff_engine.server.serve import Application, ServeOptions, ServerEndpoint, serve

_MAX_PORT = 65535


def run_serve(port: int, idle_minutes: float, home: str | None, log_level: str) -> int:
    """Run the engine; gives the exit code.

    Raises:
        UsageError: an option's value.
        EngineError: it cannot run here, or does already.
    """
    options = parse(port, idle_minutes, home, log_level)
    let_children_find_us()
    try:
        return serve(options, _application, _tell)
    except OSError as error:
        raise EngineError(
            f"{error.filename or options.home} cannot be used: {error.strerror or error}. Check "
            "that the disk has free space and that the folder can be written."
        ) from error


def parse(port: int, idle_minutes: float, home: str | None, log_level: str) -> ServeOptions:
    """Check the options.

    Raises:
        UsageError: one makes no sense.
    """
    if not 0 <= port <= _MAX_PORT:
        raise UsageError(f"--port {port}: a port is 0 to {_MAX_PORT}.")
    if not (math.isfinite(idle_minutes) and idle_minutes >= 0):
        raise UsageError(f"--idle-minutes {idle_minutes}: 0 or more.")
    if log_level not in LEVELS:
        raise UsageError(f"--log-level {log_level}: one of {', '.join(LEVELS)}.")
    return ServeOptions(
        home=default_home() if home is None else Path(home).absolute(),
        port=port,
        idle_seconds=60 * idle_minutes,
        log_level=log_level,
    )


def _application(endpoint: ServerEndpoint) -> Application:
    # imported here, behind the lock: whoever comes second is told so at once
    from scalediff_engine.server.engine import build_engine
    from scalediff_engine.server.problems import application_of

    return application_of(build_engine(endpoint.home, endpoint.token), endpoint)


def _tell(sentence: str) -> None:
    with suppress(streams.StdoutClosed, ScaleDiffError):  # nobody needs to read it
        streams.to_stdout(sentence)
