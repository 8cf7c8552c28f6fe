"""An engine with another worker: ``python engine_program.py HOME WORKER...``."""

from __future__ import annotations

import sys
from pathlib import Path

from scalediff_engine.server.engine import build_engine
from scalediff_engine.server.hosted import HostedEngine
from scalediff_engine.server.serve import Door, ServeOptions, serve


def main() -> int:
    home, *worker = sys.argv[1:]

    def host(door: Door) -> HostedEngine:
        engine = build_engine(door.home, door.token, worker=worker)
        engine.port = door.port
        engine.on_leave = door.stop
        return HostedEngine(engine)

    return serve(ServeOptions(Path(home), idle_seconds=0), host)


if __name__ == "__main__":
    sys.exit(main())
