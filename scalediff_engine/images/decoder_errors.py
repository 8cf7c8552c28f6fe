"""What image decoders raise at damaged files, turned into one sentence for people."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from tifffile import TiffFileError

from scalediff_engine.base.errors import InputError, PictureTooLarge, UnreadablePicture
from scalediff_engine.images.formats import UnsupportedFormat

# Seen from Pillow, tifffile and imagecodecs at flipped and missing bytes (tests/unit/images
# fuzzes for them); imagecodecs' own errors are RuntimeErrors.
DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
    TiffFileError,
    Image.DecompressionBombError,
)
_COMPLAINING = ("imagecodecs", "tifffile")


@contextmanager
def decoding(path: Path) -> Generator[None]:
    """Turn what a decoder raises inside the block into an InputError about ``path``.

    Raises:
        UnreadablePicture: a decoder gave up.
        PictureTooLarge: the pixels do not fit into memory.
    """
    _hush()
    try:
        yield
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} may not be read: permission denied.") from error
    except MemoryError as error:
        raise PictureTooLarge(f"{path} does not fit into this machine's memory.") from error
    except UnsupportedFormat as error:
        raise UnreadablePicture(
            f"{path} is {error}, which cannot be read. Convert it to PNG or TIFF first."
        ) from error
    except DECODER_ERRORS as error:
        raise UnreadablePicture(f"{path} cannot be read: {_reason(error)}.") from error


def _hush() -> None:
    """Keep complaints about odd but legible files out of stderr; a configured log has them."""
    for name in _COMPLAINING:
        log = logging.getLogger(name)
        if not log.handlers:
            log.addHandler(logging.NullHandler())


def _reason(error: Exception) -> str:
    """The decoder's words in one line, or a plain statement where it says nothing useful."""
    words = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, OSError | RuntimeError | ValueError | TiffFileError) and words:
        return f"the file is damaged or incomplete ({words[:120]})"
    return "the file is damaged or incomplete"
