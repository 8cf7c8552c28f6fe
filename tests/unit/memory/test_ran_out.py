"""Errors that say that memory ran out, and those that do not."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from scalediff_engine.base.errors import NotEnoughMemory, OutputError
from scalediff_engine.base.geometry import Size
from scalediff_engine.memory import oom
from scalediff_engine.memory.oom import is_out_of_memory, memory_ran_out


class RuntimeException(Exception):
    pass


class SafetensorError(Exception):
    pass


def of_numpy() -> Exception:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**58, np.uint8)
    return caught.value


def of_torch() -> Exception:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**58, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        of_numpy(),
        of_torch(),
        torch.OutOfMemoryError("no room"),
        RuntimeException("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"),
        RuntimeException("bfc_arena.cc: Failed to allocate memory for requested buffer of size 9"),
        SafetensorError("Error while opening: Cannot allocate memory (os error 12)"),
        OSError(errno.ENOMEM, "whatever the language"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        ImportError("libx.so: cannot open shared object file: Cannot allocate memory"),
    ],
    ids=lambda error: f"{type(error).__name__}-{error}"[:50],
)
def test_an_allocation_that_failed_is_known_in_every_library(error: Exception) -> None:
    assert is_out_of_memory(error)
    found = memory_ran_out(error, Size(8, 9))
    assert isinstance(found, NotEnoughMemory)
    assert "8x9" in str(found)


def test_the_cause_of_an_error_counts() -> None:
    error = OSError("The weights cannot be loaded.")
    error.__cause__ = ImportError("half a module")
    error.__cause__.__context__ = MemoryError()
    assert memory_ran_out(error, None) is not None
    error.__cause__.__suppress_context__ = True
    assert memory_ran_out(error, None) is None


@pytest.mark.parametrize("limited", [True, False])
def test_no_thread_under_a_limit_is_no_memory(
    monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    monkeypatch.setattr(oom, "_is_limited", lambda: limited)
    assert is_out_of_memory(RuntimeError("can't start new thread")) is limited


@pytest.mark.parametrize(
    "error",
    [
        ValueError("out of memory"),
        KeyError("not enough memory"),
        OutputError("out of memory.png cannot be written"),
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("anything else"),
    ],
)
def test_other_errors_are_no_shortage(error: Exception) -> None:
    assert not is_out_of_memory(error)
    assert memory_ran_out(error, None) is None
