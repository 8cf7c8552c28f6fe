"""A program like ``scalediff serve`` with almost nothing behind it: it starts and ends alike.

``python stand_in_engine.py serve [OPTION=VALUE ...]``; its home comes from the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scalediff_engine.base.errors import ScaleDiffError  # noqa: E402
from scalediff_engine.client import codec  # noqa: E402
from scalediff_engine.client.messages import (  # noqa: E402
    PROTOCOL,
    PROTOCOL_HEADER,
    DeviceInfo,
    Health,
    Problem,
    WorkerState,
)
from scalediff_engine.client.places import default_home  # noqa: E402
from scalediff_engine.client.transport import NONCE_HEADER, PROOF_PATH, prove  # noqa: E402
from scalediff_engine.server import serve as serve_module  # noqa: E402
from scalediff_engine.server.lifecycle import Pulse  # noqa: E402
from scalediff_engine.server.serve import Application, ServeOptions, ServerEndpoint, serve  # noqa: E402

COMMAND = [sys.executable, str(Path(__file__).resolve())]


class StandIn:
    """Answers health, shutdown, and a stream that lasts; remembers that its end was orderly."""

    def __init__(self, endpoint: ServerEndpoint) -> None:
        self.endpoint = endpoint
        self.requests = 0
        self.last_at = time.monotonic()
        self.leaving = asyncio.Event()

    def leave(self) -> None:
        self.leaving.set()
        self.endpoint.stop()

    def pulse(self) -> Pulse:
        return Pulse(jobs=0, sessions=0, requests=self.requests, last_at=self.last_at)

    async def app(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.requests += 1
        try:
            await self._answer(scope, send)
        finally:
            self.requests -= 1
            self.last_at = time.monotonic()

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.sleep(float(os.environ.get("STAND_IN_CLOSING", "0")))
        (self.endpoint.home / "closed").write_text("orderly")
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: dict[str, Any], send: Any) -> None:
        token = dict(scope["headers"]).get(b"authorization", b"").decode()
        if scope["path"] == PROOF_PATH:
            nonce = dict(scope["headers"])[NONCE_HEADER.lower().encode()].decode()
            await _say(
                send, 200, prove(self.endpoint.token, nonce, os.getpid(), self.endpoint.port)
            )
        elif token != f"Bearer {self.endpoint.token}":
            await _say(send, 401, Problem("no-token", "Who are you?"))
        elif scope["path"] == "/v1/health":
            await _say(send, 200, _health())
        elif scope["path"] == "/v1/environment":
            await _say(send, 200, dict(os.environ))
        elif scope["path"] == "/v1/stream":
            await self.leaving.wait()
            await _say(send, 200, {})
        elif scope["path"] == "/v1/hang":  # as a read from a dead disk
            await asyncio.to_thread(open, self.endpoint.home / "pipe", "rb")
        elif scope["path"] == "/v1/shutdown":
            self.leave()
            await _say(send, 202, {})
        else:
            await _say(send, 404, Problem("not-found", "Nothing of this name."))


def _health() -> Health:
    return Health(
        version="0",
        protocol=PROTOCOL,
        pid=os.getpid(),
        uptime_seconds=0.0,
        memory_bytes=0,
        device=DeviceInfo("none", 0),
        worker=WorkerState.NONE,
        worker_pid=None,
        queued=0,
        running=0,
    )


async def _say(send: Callable[[dict[str, Any]], Any], status: int, message: Any) -> None:
    body = codec.dumps(message)
    headers = [
        (PROTOCOL_HEADER.lower().encode(), str(PROTOCOL).encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def create(endpoint: ServerEndpoint) -> Application:
    found = StandIn(endpoint)
    return Application(found.app, found.pulse, found.leave)


def main(words: list[str]) -> int:
    for name in ("_LAST_ANSWERS_SECONDS", "_END_SECONDS", "_EXIT_SECONDS"):
        seconds = os.environ.get(f"STAND_IN{name}")
        if seconds is not None:
            setattr(serve_module, name, float(seconds))
    options = dict(word.split("=") for word in words if "=" in word)
    try:
        return serve(
            ServeOptions(
                home=default_home(),
                port=int(options.get("port", "0")),
                idle_seconds=float(options.get("idle", "0")),
                log_level="debug",
            ),
            create,
            lambda sentence: sys.stdout.write(sentence + "\n") and sys.stdout.flush(),
        )
    except ScaleDiffError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
