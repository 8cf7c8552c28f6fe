"""Deadlines that a pause of the process does not reach."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from scalediff_engine.base import running_time


class Jumpy(asyncio.SelectorEventLoop):
    """A loop that never sleeps; its clock jumps from timer to timer, and further when told."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_NoWait(self))

    def time(self) -> float:
        return self.now


class _NoWait(selectors.DefaultSelector):
    def __init__(self, loop: Jumpy) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += timeout or 0.0
        return super().select(0)


def run(work: Callable[[Jumpy], Awaitable[None]]) -> None:
    loop = Jumpy()
    try:
        loop.run_until_complete(work(loop))
    finally:
        loop.close()


def test_who_is_slow_is_given_up_after_the_time() -> None:
    async def work(loop: Jumpy) -> None:
        with pytest.raises(TimeoutError):
            await running_time.wait_for(asyncio.Event().wait(), 60)
        assert 59 < loop.now < 61

    run(work)


def test_a_pause_of_the_process_is_one_turn() -> None:
    async def work(loop: Jumpy) -> None:
        there = asyncio.Event()

        async def other() -> None:
            await asyncio.sleep(1)
            loop.now += 3600  # everybody was stopped
            await asyncio.sleep(1)  # and the other side is running again
            there.set()

        other_side = asyncio.create_task(other())
        assert await running_time.wait_for(there.wait(), 60)
        await other_side

    run(work)


def test_a_sleep_outlasts_a_pause() -> None:
    async def work(loop: Jumpy) -> None:
        sleeping = asyncio.create_task(running_time.sleep(60))
        await asyncio.sleep(1)
        loop.now += 3600
        begun = loop.now
        await sleeping
        assert loop.now - begun > 50

    run(work)


def test_a_restart_begins_anew() -> None:
    async def work(loop: Jumpy) -> None:
        async with running_time.Timeout(60) as limit:
            for _ in range(10):
                await asyncio.sleep(50)
                limit.restart()
        assert loop.now >= 500

    run(work)


def test_the_end_of_the_block_is_the_end_of_the_timer() -> None:
    async def work(loop: Jumpy) -> None:
        async with running_time.Timeout(60):
            pass
        await asyncio.sleep(600)

    run(work)
