"""An engine with another worker: ``python engine_program.py HOME WORKER...``."""

from __future__ import annotations

import sys
from pathlib import Path

from scalediff_engine.server.engine import build_engine
from scalediff_engine.server.problems import application_of
from scalediff_engine.server.serve import Application, ServeOptions, ServerEndpoint, serve


def main() -> int:
    home, *worker = sys.argv[1:]

    def create(endpoint: ServerEndpoint) -> Application:
        engine = build_engine(endpoint.home, endpoint.token, worker=worker)
        return application_of(engine, endpoint)

    return serve(ServeOptions(Path(home), idle_seconds=0), create)


if __name__ == "__main__":
    sys.exit(main())
