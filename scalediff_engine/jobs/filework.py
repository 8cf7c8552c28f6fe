"""A picture's file that a job is about, and the file that its result becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class FileWork:
    """What a job of a folder reads and writes; the worker does both.

    Attributes:
        source: absolute path of the picture
        target: absolute path of the result; its suffix says the format
        replace: whether a file that is there already is replaced
        quality: of a lossy format, 1 to 100; None = the format's own
    """

    source: str
    target: str
    replace: bool = False
    quality: Optional[int] = None  # noqa: UP045 - ``wire.codec`` reads it at run time
