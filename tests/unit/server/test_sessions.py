"""Sessions on one event loop, without a server."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from scalediff_engine.base.process import Program
from scalediff_engine.client.messages import Purpose, SessionInfo, SessionRequest, SessionState
from scalediff_engine.server.sessions import SessionPatience, Sessions

PATIENT = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]


def sessions(tmp_path: Path, patience: SessionPatience | None = None) -> Sessions:
    program = Program(PATIENT, tmp_path / "dialog.log")
    return Sessions(program, lambda: {"port": 1, "token": "t"}, lambda _: None, patience)


def test_what_happens_while_an_event_is_sent_is_not_missed(tmp_path: Path) -> None:
    async def run() -> list[SessionInfo]:
        found = sessions(tmp_path)
        info = await found.open(SessionRequest("0" * 32, "krita"))
        seen: list[SessionInfo] = []
        async for event in found.events(info.id, 0):
            seen.append(event)
            found.end(info.id)
        await found.close()
        return seen

    seen = asyncio.run(run())
    assert [event.state for event in seen] == [SessionState.OPEN, SessionState.DISCARDED]
    assert [event.events for event in seen] == [1, 2]


def test_a_session_is_forgotten_some_time_after_its_end(tmp_path: Path) -> None:
    async def run() -> None:
        found = sessions(tmp_path, SessionPatience(remembered=0.05))
        info = await found.open(SessionRequest("0" * 32, "krita"))
        assert found.images() == {"0" * 32}
        found.end(info.id)
        assert (found.count(), found.images()) == (0, set())
        assert found.session(info.id).state is SessionState.DISCARDED
        await asyncio.sleep(0.1)
        assert not found._sessions
        await found.close()

    asyncio.run(run())


def test_a_host_that_never_looks_ends_its_session(tmp_path: Path) -> None:
    async def run() -> None:
        found = sessions(tmp_path, SessionPatience(first=0.05))
        info = await found.open(SessionRequest("0" * 32, "krita"))
        await asyncio.sleep(0.15)
        assert found.session(info.id).state is SessionState.DISCARDED
        await found.close()

    asyncio.run(run())


def test_a_session_that_ends_before_its_dialog_is_there_takes_it_along(tmp_path: Path) -> None:
    async def run() -> None:
        found = sessions(tmp_path, SessionPatience(first=0.0))
        info = await found.open(SessionRequest("0" * 32, "krita"))
        assert info.state is SessionState.DISCARDED
        await asyncio.wait_for(found.close(), 10)

    asyncio.run(run())


def test_a_session_for_recent_results_says_so_to_its_dialog(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())"
    program = Program([sys.executable, "-S", "-c", code], tmp_path / "dialog.log")

    async def run() -> None:
        found = Sessions(program, lambda: {"port": 1, "token": "t"}, lambda _: None)
        info = await found.open(SessionRequest("", "krita", purpose=Purpose.RECENT))
        assert info.purpose is Purpose.RECENT
        assert found.images() == set()
        found.end(info.id)
        await found.close()

    asyncio.run(run())
    assert json.loads(told.read_text())["purpose"] == "recent"
