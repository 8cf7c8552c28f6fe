"""Memory that ran out where nothing could be done about it, in a sentence."""

from __future__ import annotations

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.base.geometry import Size

# What an allocation that failed says, on the CPU and on accelerators.
_MEMORY_WORDS = ("can't allocate memory", "out of memory", "not enough memory")


def memory_ran_out(error: Exception, target: Size | None) -> NotEnoughMemory | None:
    """Give the sentence for an error that says that an allocation failed; None for any other.

    Args:
        error: whatever a library raised
        target: size of the result that was on its way; None = it was not known yet
    """
    words = str(error).lower()
    if not isinstance(error, MemoryError) and not any(word in words for word in _MEMORY_WORDS):
        return None
    way = "" if target is None else f" on the way to {target}"
    return NotEnoughMemory(
        f"The memory ran out{way}. A smaller result, or closing other programs, would help."
    )
