"""Sizes and durations as people read them, in English; the dialogs have their languages' own."""

from __future__ import annotations

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def duration(seconds: float) -> str:
    """Give a duration with the digits that an estimate deserves: 0.4 s, 12 s, 1 h 20 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def gib(count_bytes: float) -> str:
    """Give an amount of memory in GiB."""
    return f"{count_bytes / GIB:.1f} GiB"


def file_size(count_bytes: int) -> str:
    """Give the size of files or the space for them, in the largest unit that fits."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if count_bytes >= unit:
            return f"{count_bytes / unit:.1f} {name}"
    return f"{count_bytes} bytes"
