"""Streams that end when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from scalediff_engine.server.events import until


async def counted(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def endless(ended: list[bool]) -> AsyncIterator[int]:
    try:
        yield 0
        await asyncio.Event().wait()
    finally:
        ended.append(True)


def test_all_events_are_given() -> None:
    async def run() -> list[int]:
        return [number async for number in until(asyncio.Event(), counted(5))]

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]


def test_a_stream_that_waits_ends_when_told() -> None:
    async def run() -> None:
        stopping = asyncio.Event()
        ended: list[bool] = []
        found: list[int] = []

        async def read() -> None:
            found.extend([number async for number in until(stopping, endless(ended))])

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        assert not reading.done()
        stopping.set()
        await asyncio.wait_for(reading, 1)
        await asyncio.sleep(0)
        assert ended == [True]

    asyncio.run(run())


def test_an_error_comes_through() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ZeroDivisionError

    async def run() -> None:
        async for _ in until(asyncio.Event(), broken()):
            pass

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())


def test_a_stream_that_was_told_to_end_begins_nothing() -> None:
    async def run() -> list[int]:
        stopping = asyncio.Event()
        found: list[int] = []
        async for number in until(stopping, counted(5)):
            found.append(number)
            stopping.set()
        return found

    assert asyncio.run(run()) == [0]
