"""Runs the engine, from its lock to the removal of what it left in the folders."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, cast

import uvicorn

import scalediff_engine
from scalediff_engine.base.errors import EngineError
from scalediff_engine.client.files import make_private
from scalediff_engine.client.messages import PROTOCOL
from scalediff_engine.client.places import (
    EngineRecord,
    Places,
    process_space,
    remove_engine,
    write_engine,
)
from scalediff_engine.server.dialog import remember_command
from scalediff_engine.server.http_protocol import BACKLOG, AcceptErrors, LimitedHttpProtocol
from scalediff_engine.server.journal import close_journal, open_journal
from scalediff_engine.server.lifecycle import Idleness, Pulse, only_engine

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
# For answers under way; streams end by themselves as soon as the engine is told to end.
_LAST_ANSWERS_SECONDS = 5
# For all of the end, of which the worker's step may take half a minute; and for what is left of it
# when all is written. A thread that waits for a dead disk would keep the process for ever.
_END_SECONDS = 90.0
_EXIT_SECONDS = 3.0


@dataclass(frozen=True)
class ServeOptions:
    """What ``scalediff serve`` is told.

    Attributes:
        home: the engine's folder
        port: 0 = one that is free
        idle_seconds: without anything to do, until it ends; 0 = it stays
        log_level: one of ``journal.LEVELS``
    """

    home: Path
    port: int = 0
    idle_seconds: float = 1800.0
    log_level: str = "info"


@dataclass(frozen=True)
class ServerEndpoint:
    """What the application must know of the server that carries it.

    Attributes:
        home: the engine's folder
        port: that it is reached by
        token: that each request must carry
        stop: has the server end; returns at once
    """

    home: Path
    port: int
    token: str
    stop: Callable[[], None]


@dataclass(frozen=True)
class Application:
    """What answers.

    Attributes:
        app: by ASGI; its lifespan starts and ends what works behind it
        pulse: gives what there is to do, by ``time.monotonic``
        leave: ends what would go on for ever, then stops the server
    """

    app: Any
    pulse: Callable[[], Pulse]
    leave: Callable[[], None]


AppFactory = Callable[[ServerEndpoint], Application]


def serve(
    options: ServeOptions, create: AppFactory, tell: Callable[[str], None] = lambda _: None
) -> int:
    """Answer until there is nothing to do any more, or until told to end.

    Args:
        options: what it is told
        create: makes what answers
        tell: says in a sentence where it listens, once it does

    Returns:
        The exit code.

    Raises:
        EngineRunsAlready: there is one of this user.
        EngineError: the folder or the port cannot be used, or it did not come up.
    """
    places = Places(options.home)
    with only_engine(places):
        make_private(places.log)
        make_private(places.data)
        token = secrets.token_urlsafe(32)
        journal = open_journal(places.engine_log, options.log_level, token)
        try:
            with listen(options.port) as listening:
                _Run(options, places, listening, token, create, tell).until_told()
        finally:
            close_journal(journal)
    return 0


class Server(uvicorn.Server):
    """A server whose end has an end.

    Args:
        config: see ``server_config``
        exit_at_once: called in a thread when the end takes too long

    Attributes:
        is_closed: whether what it serves has closed in good order
    """

    def __init__(self, config: uvicorn.Config, exit_at_once: Callable[[], None]) -> None:
        super().__init__(config)
        self.is_closed = False
        self._exit_at_once = exit_at_once
        self._timer: threading.Timer | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        errors = AcceptErrors(self.server_state.connections)
        asyncio.get_running_loop().set_exception_handler(errors)
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End answers, then what is served."""
        self._arm(_END_SECONDS)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):  # of clients that do not read
            cast("LimitedHttpProtocol", connection).drop()
        self.is_closed = True
        self._arm(_EXIT_SECONDS)

    def disarm(self) -> None:
        """Have the process end by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, seconds: float) -> None:
        self.disarm()
        self._timer = threading.Timer(seconds, self._exit_at_once)
        self._timer.daemon = True
        self._timer.start()


def server_config(app: Any, **options: Any) -> uvicorn.Config:  # noqa: ANN401 - any ASGI application
    """Give the configuration of a server of an application.

    Args:
        app: the application
        options: of ``uvicorn.Config``, in place of the ones here
    """
    usual: dict[str, Any] = {
        "loop": "asyncio",
        "http": cast("Any", LimitedHttpProtocol),
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "backlog": BACKLOG,
    }
    return uvicorn.Config(app, **{**usual, **options})


class _Run:
    """One engine, from its first answer to its last."""

    def __init__(
        self,
        options: ServeOptions,
        places: Places,
        listening: socket.socket,
        token: str,
        create: AppFactory,
        tell: Callable[[str], None],
    ) -> None:
        self._places = places
        self._listening = listening
        self._tell = tell
        self._is_told = False
        port = int(listening.getsockname()[1])
        self._application = create(ServerEndpoint(options.home, port, token, self._stop))
        self._record = EngineRecord(
            pid=os.getpid(),
            port=port,
            token=token,
            protocol=PROTOCOL,
            version=scalediff_engine.__version__,
            started_at=time.time(),
            pid_space=process_space(),
        )
        self._idleness = Idleness(options.idle_seconds, time.monotonic())
        self._failure: OSError | None = None
        self._server = Server(
            server_config(
                self._application.app,
                timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
                callback_notify=self._each_second,
                timeout_notify=0,
            ),
            self._exit_at_once,
        )

    def until_told(self) -> None:
        """Answer.

        Raises:
            EngineError: it did not come up, or ``engine.json`` cannot be written.
        """
        self._on_signals(self._stop)
        _log.info("Engine %s, process %d", self._record.version, self._record.pid)
        try:
            self._server.run(sockets=[self._listening])
        except SystemExit as error:  # how the server says that what it serves did not start
            raise EngineError(
                f"The engine did not start. Its log is {self._places.engine_log}."
            ) from error
        finally:
            self._server.disarm()
            remove_engine(self._places, self._record)
        if self._failure is not None:
            raise EngineError(
                f"{self._places.run} cannot be written: {self._failure.strerror}."
            ) from self._failure
        _log.info("The end")

    def _stop(self) -> None:
        self._server.should_exit = True

    def _exit_at_once(self) -> None:
        """End the process in the midst of whatever holds it."""
        _log.error("The end takes too long: something does not let go, such as a dead disk")
        remove_engine(self._places, self._record)
        logging.shutdown()
        os._exit(0 if self._server.is_closed else EngineError.exit_code)

    @staticmethod
    def _on_signals(leave: Callable[[], object]) -> None:
        """Take each signal as the wish to end."""

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            leave()

        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, on_signal)

    async def _each_second(self) -> None:
        """Say where the engine is as soon as it answers, and end when it is over."""
        if not self._is_told:
            self._is_told = True
            self._announce()
        if self._idleness.is_over(self._application.pulse(), time.monotonic()):
            _log.info("Nothing to do any more")
            self._application.leave()

    def _announce(self) -> None:
        loop = asyncio.get_running_loop()
        # In the place of uvicorn's own, which would wait for streams that never end.
        self._on_signals(partial(loop.call_soon_threadsafe, self._application.leave))
        try:
            write_engine(self._places, self._record)
            remember_command(self._places)
        except OSError as error:
            self._failure = error
            self._application.leave()
        else:
            self._tell(f"The engine answers on {HOST}:{self._record.port}.")


def listen(port: int) -> socket.socket:
    """Take a port of this computer that nobody else can reach from outside.

    Raises:
        EngineError: it is taken.
    """
    # asyncio sends small answers at once (TCP_NODELAY) on sockets alone that say they are TCP
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":  # there, another program could take the port over
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise EngineError(
            f"Port {port} of {HOST} cannot be used: {error.strerror}. Without --port the system "
            "picks one that is free."
        ) from error
    return listening
