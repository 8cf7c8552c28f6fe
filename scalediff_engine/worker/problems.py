"""Errors of a job in a sentence that may leave this process: no traceback and no prompt.

The sentence names files only if they are what the job was asked about by name.
"""

from __future__ import annotations

import logging

import torch

from scalediff_engine.base.errors import OutputError, ScaleDiffError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Problem
from scalediff_engine.memory.ran_out import is_out_of_memory, memory_ran_out

_log = logging.getLogger(__name__)


def problem_of(error: Exception, target: Size | None) -> Problem:
    """Say why a job cannot be done; what nobody expected is logged.

    Args:
        error: what ended it
        target: size of its result; None = it was not known yet
    """
    if isinstance(error, ScaleDiffError):
        if isinstance(error, OutputError):
            _log.error("Writing failed: %s", _reason(error))
        return Problem(error.code, str(error))
    _log.error("A job ended by an unexpected error.", exc_info=error)
    explained = memory_ran_out(error, target) or ScaleDiffError(
        f"An unexpected error ({type(error).__name__}); the worker's log has the details."
    )
    return Problem(explained.code, str(explained))


def _reason(error: BaseException) -> str:
    """What the system said, without the file's name: a log goes into reports."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def device_is_lost(error: Exception) -> bool:
    """Whether this process can use its device no more; a new one can, from the checkpoint."""
    if isinstance(error, ScaleDiffError) or is_out_of_memory(error):
        return False
    return isinstance(error, torch.AcceleratorError) or "CUDA error" in str(error)
