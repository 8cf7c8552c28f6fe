from __future__ import annotations

import os
import signal
from collections.abc import Iterator

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
