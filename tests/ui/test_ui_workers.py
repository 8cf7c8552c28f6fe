"""Threads whose results arrive in the UI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtTest import QTest

from scalediff_engine.ui.workers import Ticket, Workers

Wait = Callable[..., None]


def fail(error: Exception) -> None:
    raise AssertionError from error


def test_work_is_done_elsewhere_and_told_here(wait_until: Wait) -> None:
    workers, told = Workers(), list[tuple[bool, bool]]()
    here = threading.current_thread()
    workers.run(
        lambda _: threading.current_thread() is here,
        lambda worked_here: told.append((worked_here, threading.current_thread() is here)),
        fail,
    )
    wait_until(lambda: bool(told))
    assert told == [(False, True)]
    workers.close()


def test_an_error_is_told_too(wait_until: Wait) -> None:
    workers, errors = Workers(), list[Exception]()

    def work(_: Ticket) -> None:
        raise ValueError("no")

    workers.run(work, lambda _: None, errors.append)
    wait_until(lambda: bool(errors))
    assert str(errors[0]) == "no"
    workers.close()


def test_after_cancelling_nothing_is_told(wait_until: Wait) -> None:
    workers, told, go = Workers(), list[int](), threading.Event()
    ticket = workers.run(lambda _: go.wait(5), lambda _: told.append(1), fail)
    ticket.cancel()
    go.set()
    workers.run(lambda _: None, lambda _: told.append(2), fail)
    wait_until(lambda: bool(told))
    QTest.qWait(20)
    assert told == [2]
    workers.close()


def test_what_waits_is_not_even_begun_after_cancelling(wait_until: Wait) -> None:
    workers, begun, go = Workers(1), list[int](), threading.Event()
    workers.run(lambda _: go.wait(5), lambda _: None, fail)
    workers.run(lambda _: begun.append(1), lambda _: None, fail).cancel()
    done: list[None] = []
    workers.run(lambda _: None, done.append, fail)
    go.set()
    wait_until(lambda: bool(done))
    assert not begun
    workers.close()


def test_something_long_says_what_it_has_in_order(wait_until: Wait) -> None:
    workers, told = Workers(), list[object]()

    def work(ticket: Ticket, say: Callable[[int], None]) -> None:
        for number in range(100):
            say(number)

    workers.follow(work, told.append, lambda: told.append("end"), fail)
    wait_until(lambda: "end" in told)
    assert told == [*range(100), "end"]
    workers.close()


def test_cancelling_ends_the_work_itself() -> None:
    ended: list[int] = []
    ticket = Ticket()
    ticket.on_cancel(lambda: ended.append(1))
    ticket.cancel()
    ticket.cancel()
    assert ended == [1]
    ticket.on_cancel(lambda: ended.append(2))
    assert ended == [1, 2]
