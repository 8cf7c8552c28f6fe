"""Where results go, how they are called, and what they are: as one value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import DEFAULT_PATTERN

SUBFOLDER = "upscaled"
DEFAULT_QUALITY = 92


class Place(Enum):
    """In which folder."""

    BESIDE = "beside"  # the originals
    SUBFOLDER = "subfolder"  # of each folder with originals
    FOLDER = "folder"  # one for all, with the structure of the originals'


@dataclass(frozen=True)
class Destination:
    """See above.

    Attributes:
        place: which of the two below holds
        subfolder: its name
        folder: absolute; empty = not chosen yet
        pattern: see ``wire.naming``
        format: ``png``, ``tiff``, ``webp`` or ``jpeg``; none = each source's own
        quality: of lossy formats, 1 to 100; none = the format's own
        existing: what becomes of results that are there already
    """

    place: Place = Place.BESIDE
    subfolder: str = SUBFOLDER
    folder: str = ""
    pattern: str = DEFAULT_PATTERN
    format: str | None = None
    quality: int | None = None
    existing: Existing = Existing.SKIP
