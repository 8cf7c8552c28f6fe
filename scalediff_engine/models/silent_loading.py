"""Reading a model's files: other libraries kept quiet, their errors in a sentence."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from diffusers.loaders.single_file_utils import SingleFileComponentError
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from scalediff_engine.base.errors import ModelError, NotEnoughMemory, ScaleDiffError
from scalediff_engine.base.files import is_disk_full
from scalediff_engine.memory.oom import is_out_of_memory

# What these libraries raise for files that are not as they should be.
_UNUSABLE = (
    OSError,
    SafetensorError,
    SingleFileComponentError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ImportError,
)


@contextmanager
def reading(what: str, path: Path) -> Generator[None]:
    """Turn errors of the libraries that read model files into one sentence.

    Args:
        what: is read, for people
        path: where it is

    Raises:
        ModelError: it cannot be read; says why.
        NotEnoughMemory: main memory is too small for it.
    """
    try:
        with _quiet():
            yield
    except ScaleDiffError:
        raise
    except MemoryError as error:
        raise NotEnoughMemory(_no_room(what, path)) from error
    except Exception as error:
        # tokenizers raises nothing narrower than Exception itself
        if not isinstance(error, _UNUSABLE) and type(error) is not Exception:
            raise
        if is_out_of_memory(error):
            raise NotEnoughMemory(_no_room(what, path)) from error
        if isinstance(error, OSError) and is_disk_full(error):
            raise ModelError(
                f"The disk is full, so the {what} in {path} cannot be read."
            ) from error
        raise ModelError(f"The {what} in {path} cannot be read: {_reason(error)}.") from error


def _no_room(what: str, path: Path) -> str:
    return (
        f"There is not enough main memory to read the {what} in {path}. "
        "Closing other programs, or a smaller model, would help."
    )


def _reason(error: Exception) -> str:
    """The first sentence of an error that was written for programmers."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    if isinstance(error, KeyError):
        return f"{error} is missing"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(". ")[0].rstrip(".:")


@contextmanager
def _quiet() -> Generator[None]:
    """Keep progress bars and warnings of the libraries off the terminal, and put them back."""
    before = [(log, log.get_verbosity()) for log in (diffusers_logging, transformers_logging)]
    bars = [log.is_progress_bar_enabled() for log, _ in before]
    for log, _ in before:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        yield
    finally:
        for (log, level), shown in zip(before, bars, strict=True):
            log.set_verbosity(level)
            if shown:
                log.enable_progress_bar()
