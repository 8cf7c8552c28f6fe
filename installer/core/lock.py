"""One process at a time works on an installation; the next one waits and says so."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

_POLL_S = 0.2

if sys.platform == "win32":
    import msvcrt

    def _try_to_take(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_to_take(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def held(path: Path, on_wait: Callable[[], None]) -> Generator[int, None, None]:
    """Hold the lock of a file; wait while another process holds it.

    Yields the descriptor, to be inherited by the processes that work on the environment: a flock
    belongs to the open file, so a pip that outlives a killed start still keeps the next one out.

    Args:
        path: the file, made when it is missing and left there
        on_wait: called once if another process holds the lock
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _try_to_take(descriptor):
            on_wait()
            while not _try_to_take(descriptor):
                time.sleep(_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)
