"""Sessions: a dialog opened for a host, from its request to its answer, and who watches it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from scalediff_engine.base import running_time
from scalediff_engine.base.errors import NotFound, UsageError, WrongState
from scalediff_engine.base.process import Child, Program
from scalediff_engine.client.messages import (
    Problem,
    Purpose,
    SessionAnswer,
    SessionInfo,
    SessionRequest,
    SessionState,
)
from scalediff_engine.jobs.spool import new_id
from scalediff_engine.server.dialog import complaint_of, dialog_environment, start_dialog

_log = logging.getLogger(__name__)

# What a dialog must know before its first window; more than this is no such word.
_LOOK = ("theme", "language")
_LONGEST_WORD = 32


@dataclass(frozen=True)
class SessionPatience:
    """How long sessions wait, in seconds, and how many there may be.

    Attributes:
        first: for the host's first look at its session
        gone: for a host that has gone away to come back
        remembered: that a session is known after its end
        most: open at once
    """

    first: float = 30.0
    gone: float = 10.0
    remembered: float = 600.0
    most: int = 16


@dataclass
class _Session:
    """A session, and all that was told of it: the n-th event is ``history[n - 1]``."""

    history: list[SessionInfo]
    change: asyncio.Event = field(default_factory=asyncio.Event)
    dialog: Child | None = None

    @property
    def info(self) -> SessionInfo:
        return self.history[-1]


class Sessions:
    """All sessions; for one event loop.

    Args:
        program: the dialog
        door: tells port, token and folder of the engine, which a dialog finds it by
        job_of: gives the id of the newest job on an image, or None
        patience: how long things may take
    """

    def __init__(
        self,
        program: Program,
        door: Callable[[], Mapping[str, str | int]],
        job_of: Callable[[str], str | None],
        patience: SessionPatience | None = None,
    ) -> None:
        self._program = program
        self._door = door
        self._job_of = job_of
        self._patience = patience or SessionPatience()
        self._sessions: dict[str, _Session] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._attendance = Attendance(
            self._host_gone,
            first_seconds=self._patience.first,
            gone_seconds=self._patience.gone,
        )

    async def close(self) -> None:
        """End all dialogs, and wait until they have gone."""
        self._attendance.close()
        for session_id, session in list(self._sessions.items()):
            if not session.info.state.is_final:
                self._conclude(session_id, SessionState.DISCARDED)
        while self._tasks:
            await asyncio.wait(self._tasks)

    def count(self) -> int:
        """How many are open."""
        return sum(not found.info.state.is_final for found in self._sessions.values())

    def images(self) -> set[str]:
        """The uploads that open sessions are about."""
        infos = (found.info for found in self._sessions.values())
        return {info.image for info in infos if info.image and not info.state.is_final}

    async def open(self, request: SessionRequest) -> SessionInfo:
        """Open a dialog.

        Raises:
            WrongState: there are too many already.
            UsageError: an odd variable.
        """
        if self.count() >= self._patience.most:
            raise WrongState(f"There are {self.count()} dialogs open; close one of them first.")
        environment = dialog_environment(os.environ, request.environment)
        info = SessionInfo(
            id=new_id(),
            state=SessionState.OPEN,
            image=request.image,
            host=request.host,
            title=request.title,
            events=1,
            settings=request.settings,
            options=request.options,
            purpose=request.purpose,
        )
        session = self._sessions[info.id] = _Session([info])
        self._attendance.expect(info.id)
        look = {
            name: request.options[name]
            for name in _LOOK
            if len(request.options.get(name, "")) in range(1, _LONGEST_WORD + 1)
        }
        # a dialog that is not told is for an upscale, as they all were at first
        purpose = {} if info.purpose is Purpose.UPSCALE else {"purpose": info.purpose.value}
        told = {"session": info.id, **purpose, **look, **self._door()}
        try:
            session.dialog = await start_dialog(self._program, environment, told)
        except OSError as error:
            self._fail(info.id, f"The dialog could not be started: {error.strerror}.")
        else:
            self._spawn(self._await_end(info.id, session.dialog))
            if session.info.state.is_final:  # nobody waited until it was there
                self._spawn(session.dialog.end(terminates=True))
        return session.info

    def session(self, session_id: str) -> SessionInfo:
        """Give a session as it stands.

        Raises:
            NotFound: there is none.
        """
        return self._found(session_id).info

    def answer(self, session_id: str, answer: SessionAnswer) -> SessionInfo:
        """Take what the dialog says at its end.

        Raises:
            NotFound: there is no such session.
            WrongState: it has ended already.
            UsageError: a result is accepted, and it is not said whose.
        """
        info = self.session(session_id)
        if info.state.is_final:
            raise WrongState(f"This session was {info.state.value} before this answer came.")
        if answer.accepted and answer.job is None:
            raise UsageError("An answer that accepts a result says whose: 'job' is missing.")
        state = SessionState.ACCEPTED if answer.accepted else SessionState.DISCARDED
        return self._conclude(session_id, state, job=answer.job, options=answer.options)

    def end(self, session_id: str) -> SessionInfo:
        """End a session that is open; one that has ended stays as it is.

        Raises:
            NotFound: there is none.
        """
        if self.session(session_id).state.is_final:
            return self.session(session_id)
        return self._conclude(session_id, SessionState.DISCARDED)

    async def events(self, session_id: str, after: int) -> AsyncIterator[SessionInfo]:
        """What happened to a session after an event, and what happens from now on, until its end.

        Raises:
            NotFound: there is no such session.
        """
        session = self._found(session_id)
        seen = min(after, len(session.history))
        while True:
            change = session.change
            for info in session.history[seen:]:
                yield info
                seen = info.events
            if seen < len(session.history):  # something happened while an event was sent
                continue
            if session.info.state.is_final:
                return
            await change.wait()

    def watching(self, session_id: str) -> AbstractContextManager[None]:
        """Be the host of a session: it ends some seconds after the last one has left."""
        return self._attendance.watching(session_id)

    def _found(self, session_id: str) -> _Session:
        found = self._sessions.get(session_id)
        if found is None:
            raise NotFound("There is no such session (any more).")
        return found

    def _host_gone(self, session_id: str) -> None:
        session = self._sessions.get(session_id)
        if session is not None and not session.info.state.is_final:
            _log.info("The host of session %s has gone away", session_id)
            self._conclude(session_id, SessionState.DISCARDED)

    def _fail(self, session_id: str, sentence: str) -> None:
        problem = Problem("engine", sentence)
        self._conclude(session_id, SessionState.FAILED, problem=problem)

    def _conclude(
        self,
        session_id: str,
        state: SessionState,
        *,
        job: str | None = None,
        options: dict[str, str] | None = None,
        problem: Problem | None = None,
    ) -> SessionInfo:
        """Write down how a session ended, and let its dialog go."""
        session = self._sessions[session_id]
        info = replace(
            session.info,
            state=state,
            events=session.info.events + 1,
            options=session.info.options if options is None else options,
            job=job or self._job_of(session.info.image),
            problem=problem,
        )
        session.history.append(info)
        change, session.change = session.change, asyncio.Event()
        change.set()
        if session.dialog is not None:
            self._spawn(session.dialog.end(terminates=True))
        loop = asyncio.get_running_loop()
        loop.call_later(self._patience.remembered, self._forget, session_id)
        _log.info("Session %s: %s", session_id, state.value)
        return info

    async def _await_end(self, session_id: str, dialog: Child) -> None:
        status = await dialog.wait()
        session = self._sessions.get(session_id)
        if session is None or session.info.state.is_final:
            return
        if status == 0:
            self._conclude(session_id, SessionState.DISCARDED)
        else:
            self._fail(
                session_id,
                complaint_of(dialog)
                or f"The dialog ended by itself with status {status}. Its log says more: "
                "`scalediff doctor --bundle` packs it.",
            )

    def _forget(self, session_id: str) -> None:
        self._attendance.forget(session_id)
        self._sessions.pop(session_id, None)

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Attendance:
    """Counts the watchers of things, and tells when the last one has been gone for a while.

    Args:
        left: told the thing's name
        first_seconds: how long the first watcher may take to come
        gone_seconds: how long a watcher may take to come back; both in running time, since a pause
            of this process stops the watchers too
    """

    def __init__(
        self, left: Callable[[str], None], *, first_seconds: float, gone_seconds: float
    ) -> None:
        self._left = left
        self._first_seconds = first_seconds
        self._gone_seconds = gone_seconds
        self._watchers: Counter[str] = Counter()
        self._timers: dict[str, asyncio.Task[None]] = {}

    def expect(self, name: str) -> None:
        """Wait for the first watcher of something."""
        if not self._watchers[name]:
            self._wait(name, self._first_seconds)

    @contextmanager
    def watching(self, name: str) -> Generator[None]:
        """Be a watcher of something."""
        self._watchers[name] += 1
        self.forget(name)
        try:
            yield
        finally:
            self._watchers[name] -= 1
            if not self._watchers[name]:
                del self._watchers[name]
                self._wait(name, self._gone_seconds)

    def forget(self, name: str) -> None:
        """Stop waiting for anybody to come to something."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Stop waiting altogether."""
        for name in list(self._timers):
            self.forget(name)

    def _wait(self, name: str, seconds: float) -> None:
        self.forget(name)
        self._timers[name] = asyncio.get_running_loop().create_task(self._give_up(name, seconds))

    async def _give_up(self, name: str, seconds: float) -> None:
        await running_time.sleep(seconds)
        self._timers.pop(name, None)
        self._left(name)
