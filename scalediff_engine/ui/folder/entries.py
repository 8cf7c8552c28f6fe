"""What is found in folders: pictures, and what is left aside with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture that is to be upscaled.

    Attributes:
        path: absolute
        name: for people: relative to what was named
        below: folder, relative to the output folder, that keeps the structure; empty = none
        width, height: in pixels, as it is seen; 0 = not known
    """

    path: str
    name: str
    below: str = ""
    width: int = 0
    height: int = 0


class Why(Enum):
    """Why something is left aside."""

    NO_PICTURE = "no picture"
    HIDDEN = "hidden"
    UNREADABLE = "unreadable"
    OWN_RESULT = "own result"
    TOO_SMALL = "too small"
    DEEPER = "deeper"  # a folder in a folder, and those are not wanted
    TWICE = "twice"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that is left aside.

    Attributes:
        path: of the file or folder
        why: it is
        detail: a sentence that says more; may be empty
    """

    path: str
    why: Why
    detail: str = ""
