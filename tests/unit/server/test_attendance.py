"""Who is watched, and who is left."""

from __future__ import annotations

import asyncio

from scalediff_engine.server.sessions import Attendance


def attendance(left: list[str]) -> Attendance:
    return Attendance(left.append, first_seconds=0.1, gone_seconds=0.05)


def test_what_nobody_comes_to_is_left() -> None:
    async def run() -> list[str]:
        left: list[str] = []
        found = attendance(left)
        found.expect("a")
        await asyncio.sleep(0.05)
        assert left == []
        await asyncio.sleep(0.1)
        return left

    assert asyncio.run(run()) == ["a"]


def test_the_last_of_several_watchers_counts() -> None:
    async def run() -> list[str]:
        left: list[str] = []
        found = attendance(left)
        found.expect("a")
        with found.watching("a"):
            with found.watching("a"):
                pass
            found.expect("a")
            await asyncio.sleep(0.2)
            assert left == []
        assert left == []
        await asyncio.sleep(0.1)
        return left

    assert asyncio.run(run()) == ["a"]


def test_who_comes_back_in_time_is_a_watcher_again() -> None:
    async def run() -> list[str]:
        left: list[str] = []
        found = attendance(left)
        for _ in range(4):
            with found.watching("a"):
                pass
            await asyncio.sleep(0.02)
        found.forget("a")
        with found.watching("b"):
            pass
        found.close()
        await asyncio.sleep(0.1)
        return left

    assert asyncio.run(run()) == []
