"""Recognises an allocation that failed, whichever library it failed in; imports none of them."""

from __future__ import annotations

import errno
import sys

from scalediff_engine.base.errors import NotEnoughMemory, ScaleDiffError
from scalediff_engine.base.geometry import Size

# Errors of a value or a key repeat whatever was given to them, these words too.
_NEVER = (ScaleDiffError, ValueError, TypeError, LookupError, ArithmeticError, AssertionError)
_DEEPEST_CAUSE = 20
# What backends say in exceptions that are of no type of their own.
_WORDS = (
    "out of memory",  # CUDA, MPS, XPU
    "Invalid buffer size",  # MPS: more than one buffer may have
    "OUT_OF_DEVICE_MEMORY",  # XPU's runtime
    "can't allocate memory",  # PyTorch's allocator on the CPU
    "not enough memory",  # the same on Windows
    "ALLOC_FAILED",  # cuBLAS, cuDNN
    "ALLOCATION_FAILED",  # cuDNN since 9
    "bad_alloc",  # C++, as ONNX Runtime passes it on
    "bad allocation",  # the same on Windows
    "Failed to allocate memory",  # ONNX Runtime's arena
    "Cannot allocate memory",  # the system, in the words of safetensors and of mmap
    "failed to map segment from shared object",  # the loader of libraries, under a limit
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that an allocation failed, on any device."""
    if isinstance(error, MemoryError):
        return True
    if any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):  # torch's
        return True
    if isinstance(error, _NEVER):
        return False
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if "can't start new thread" in str(error):  # for want of memory, or of processes
        return _is_limited()
    return any(word in str(error) for word in _WORDS)


def _is_limited() -> bool:
    """Whether this process may have only so much memory, as after ``ulimit -v``."""
    if sys.platform == "win32":
        return False
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def memory_ran_out(error: BaseException, target: Size | None) -> NotEnoughMemory | None:
    """Return the sentence for an error that an allocation caused; None for any other.

    Args:
        error: whatever a library raised
        target: size of the result that was on its way; None = it was not known yet
    """
    cause: BaseException | None = error
    for _ in range(_DEEPEST_CAUSE):
        if cause is None:
            return None
        if is_out_of_memory(cause):
            way = "" if target is None else f" on the way to {target}"
            return NotEnoughMemory(
                f"The memory ran out{way}. A smaller result, or closing other programs, would help."
            )
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None
