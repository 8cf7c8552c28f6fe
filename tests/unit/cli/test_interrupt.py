from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scalediff_engine.cli.interrupt import Answer, Interrupts


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {getattr(signal, n): signal.getsignal(getattr(signal, n)) for n in names}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_an_interrupt_during_work_is_an_exception() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts = Interrupts(answer=Answer.RAISE)
    interrupts.install()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert interrupts.happened


def test_on_the_way_out_nothing_disturbs() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts = Interrupts(answer=Answer.IGNORE)
    interrupts.install()
    os.kill(os.getpid(), signal.SIGINT)
    assert not interrupts.happened


def test_before_work_it_says_its_last_words_and_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    interrupts = Interrupts(before_leaving=lambda: said.append("bye"))
    interrupts.install()
    with pytest.raises(KeyboardInterrupt):  # only because the process lives on here
        os.kill(os.getpid(), signal.SIGTERM)
    assert (said, left) == (["bye"], [130])


def test_a_signal_that_the_shell_switched_off_stays_off() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    Interrupts().install()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.parametrize(
    ("answer", "signals", "announced", "exited"),
    [
        (Answer.RAISE, 1, 1, []),
        (Answer.RAISE, 2, 1, [130]),
        (Answer.HOLD, 2, 1, []),
        (Answer.HOLD, 3, 1, [130]),
        (Answer.LEAVE, 1, 0, [130]),
    ],
)
def test_the_first_interrupt_is_answered_and_another_one_ends_the_process(
    answer: Answer,
    signals: int,
    announced: int,
    exited: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    interrupts = Interrupts(
        before_leaving=lambda: said.append("bye"),
        announce=lambda: said.append("stopping"),
        answer=answer,
    )
    near, far = socket.socketpair()
    with near, far:
        for _ in range(signals):
            far.send(b"\x02")
        far.shutdown(socket.SHUT_WR)
        interrupts._watch(near)
    assert left == exited
    assert said.count("stopping") == announced
    assert said.count("bye") == len(exited)


def test_an_interrupt_is_announced_once_whoever_is_first() -> None:
    said: list[str] = []
    interrupts = Interrupts(announce=lambda: said.append("stopping"), answer=Answer.RAISE)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interrupts._on_signal(signal.SIGINT, None)
    assert said == ["stopping"]


def test_nothing_is_said_before_another_thread_has_announced_the_interrupt() -> None:
    said: list[str] = []
    begun, may_go_on = threading.Event(), threading.Event()

    def announce() -> None:
        begun.set()
        may_go_on.wait()
        said.append("stopping")

    def interrupt() -> None:
        with pytest.raises(KeyboardInterrupt):
            interrupts._on_signal(signal.SIGINT, None)
        said.append("cancelled")

    interrupts = Interrupts(announce=announce, answer=Answer.RAISE)
    watcher = threading.Thread(target=interrupts._announce_once)
    worker = threading.Thread(target=interrupt)
    watcher.start()
    begun.wait()
    worker.start()
    worker.join(0.1)  # as long as a wrong end may take
    may_go_on.set()
    watcher.join()
    worker.join()
    assert said == ["stopping", "cancelled"]


def test_who_ends_in_order_is_not_cut_off_by_another_interrupt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    later: list[tuple[float, tuple[int, ...]]] = []

    class Timer:
        def __init__(self, delay_s: float, _: object, given: tuple[int, ...]) -> None:
            later.append((delay_s, given))

        def start(self) -> None: ...

    monkeypatch.setattr(threading, "Timer", Timer)
    said: list[str] = []
    interrupts = Interrupts(before_leaving=lambda: said.append("bye"), answer=Answer.RAISE)
    interrupts.leave_orderly()
    near, far = socket.socketpair()
    with near, far:
        far.send(b"\x02\x02")
        interrupts._watch(near)
    assert said == []
    assert later == [(2.0, (130,))]  # unless the end hangs


@pytest.mark.skipif(sys.platform != "linux", reason="a mutex of zeros is unlocked on Linux")
def test_an_interrupt_is_announced_while_native_code_keeps_the_main_thread() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # the main thread may sleep elsewhere when the signal is sent, and then answers by itself
    assert any(_announced_by_another_thread() for _ in range(10))


def _announced_by_another_thread() -> bool:
    libc = ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(128)
    heard: list[bool] = []
    main_state = Path(f"/proc/self/task/{threading.get_native_id()}/stat")

    def announce() -> None:
        heard.append(threading.current_thread() is not threading.main_thread())
        libc.pthread_mutex_unlock(mutex)

    def interrupt_main_thread() -> None:
        while main_state.read_text().rpartition(")")[2].split()[0] != "S":
            pass
        os.kill(os.getpid(), signal.SIGINT)

    interrupts = Interrupts(announce=announce, answer=Answer.RAISE)
    interrupts.install()
    rescue = threading.Timer(5, libc.pthread_mutex_unlock, (mutex,))
    rescue.start()
    killer = threading.Thread(target=interrupt_main_thread)
    libc.pthread_mutex_lock(mutex)
    with interrupts.watched(), pytest.raises(KeyboardInterrupt):  # noqa: PT012 - wherever it is
        killer.start()
        libc.pthread_mutex_lock(mutex)  # no signal ends this call
        killer.join()
    killer.join()
    rescue.cancel()
    return heard == [True]
