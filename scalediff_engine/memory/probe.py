"""Ask the machine what it has; nothing here imports torch."""

from __future__ import annotations

import psutil

# Sustained float32 convolution throughput of one desktop core. Only the first plan on a machine
# depends on it: afterwards `speed.py` knows what this machine really did.
GFLOP_PER_SECOND_AND_CORE = 30.0


def available_memory_bytes() -> int:
    """Bytes of main memory that can be used without swapping."""
    return psutil.virtual_memory().available


def physical_cores() -> int:
    """Cores without hyper-threads, at least 1."""
    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


def guessed_gflop_per_second() -> float:
    """A cautious guess of this machine's CPU throughput, in GFLOP/s."""
    return GFLOP_PER_SECOND_AND_CORE * physical_cores()
