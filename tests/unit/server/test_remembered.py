"""Values that are asked for in a thread, and remembered."""

from __future__ import annotations

import asyncio
import threading

import pytest

from scalediff_engine.server.remembered import Remembered


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_value_is_there_at_once_and_the_next_follows() -> None:
    async def run() -> None:
        gate, clock = threading.Event(), Clock()
        asked: list[int] = []

        def ask() -> int:
            gate.wait(5)
            asked.append(1)
            return len(asked)

        found = Remembered(ask, 0, 10, clock)
        assert [found.last(), found.last()] == [0, 0]  # while it is asked
        gate.set()
        assert await found.fresh() == 1
        clock.now = 9
        assert await found.fresh() == 1
        clock.now = 11
        assert found.last() == 1  # old, and at once
        assert await found.fresh() == 2
        found.close()

    asyncio.run(run())


def test_a_value_that_cannot_be_asked_for_stays(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        def ask() -> int:
            raise OSError("no such device")

        found = Remembered(ask, 7, 10)
        assert await found.fresh() == 7
        found.close()

    asyncio.run(run())
    assert "no such device" in caplog.text
