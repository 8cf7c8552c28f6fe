"""A remembered value that somebody has changed."""

from __future__ import annotations

import asyncio
import threading

from scalediff_engine.server.remembered import Remembered


def test_what_was_changed_is_asked_again_at_once() -> None:
    values = iter(range(10))

    async def run() -> list[int]:
        remembered = Remembered(lambda: next(values), -1, 1000.0)
        first, second = await remembered.fresh(), await remembered.fresh()
        remembered.outdate()
        return [first, second, await remembered.fresh()]

    assert asyncio.run(run()) == [0, 0, 1]


def test_an_answer_that_was_under_way_when_it_changed_does_not_count() -> None:
    begun, may_end = threading.Event(), threading.Event()
    values = iter(["old", "new"])

    def ask() -> str:
        value = next(values)
        begun.set()
        may_end.wait(5)
        return value

    async def run() -> str:
        remembered = Remembered(ask, "", 1000.0)
        waiting = asyncio.create_task(remembered.fresh())
        await asyncio.to_thread(begun.wait, 5)
        remembered.outdate()
        may_end.set()
        return await waiting

    assert asyncio.run(run()) == "new"
