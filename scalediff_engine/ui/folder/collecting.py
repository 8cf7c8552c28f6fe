"""Garbage collection that keeps nobody waiting."""

from __future__ import annotations

import gc

# A full collection looks at every object there is, modules included: 60 ms and more. The young
# generations find what dialogs leave behind; a full one comes 100 times more rarely than usual.
_THRESHOLDS = (700, 10, 1000)


def collect_quietly() -> None:
    """Let collections leave alone what is there by now, and be short from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
