"""Garbage goes in the UI thread alone, in pieces that nobody has to wait for."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable

from scalediff_engine.ui.event_loop import Collector


class Circle:
    """Only a collection finds it."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_goes_in_this_thread_and_what_was_there_is_not_looked_at(
    wait_until: Callable[..., None],
) -> None:
    gc.enable()
    gc.unfreeze()
    seen: list[tuple[int, threading.Thread]] = []

    def notice(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append((info["generation"], threading.current_thread()))

    collector = Collector()
    gc.callbacks.append(notice)
    try:
        assert gc.get_freeze_count() > 10_000
        made = threading.Thread(target=lambda: [Circle() for _ in range(5000)])
        made.start()
        made.join()
        assert not seen, "another thread has collected"
        gone = weakref.ref(Circle())
        wait_until(lambda: gone() is None)
    finally:
        gc.callbacks.remove(notice)
        collector.close()
    # a full one, which takes tens of milliseconds, is for once a minute
    assert set(seen) == {(1, threading.main_thread())}
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
