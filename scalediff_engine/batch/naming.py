"""Where results go, how they are called, and in which format; see ``client.naming``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from scalediff_engine.base.geometry import Size
from scalediff_engine.client.batches import Existing
from scalediff_engine.client.naming import DEFAULT_PATTERN, Pattern, scale_word
from scalediff_engine.images.formats import Format, format_of

SUBFOLDER = "upscaled"
DEFAULT_QUALITY = 92


class Place(Enum):
    """In which folder results go."""

    BESIDE = "beside"  # the originals
    SUBFOLDER = "subfolder"  # of each folder with originals
    FOLDER = "folder"  # one for all, with the structure of the originals'


@dataclass(frozen=True)
class Destination:
    """Where results go, how they are called, and what they are.

    Attributes:
        place: which of the two below holds
        subfolder: its name
        folder: absolute; empty = not chosen yet
        pattern: see ``client.naming``; may be wrong
        format: None = each source's own, or PNG where that is not written
        quality: of lossy formats, 1 to 100; None = the format's own
        existing: what happens to results that exist already
    """

    place: Place = Place.BESIDE
    subfolder: str = SUBFOLDER
    folder: str = ""
    pattern: str = DEFAULT_PATTERN
    format: Format | None = None
    quality: int | None = None
    existing: Existing = Existing.SKIP

    def folder_for(self, source: str, below: str) -> str:
        """Return the folder of a result.

        Args:
            source: path of the picture
            below: its folder, relative to the input folder
        """
        if self.place is Place.FOLDER:
            return os.path.join(self.folder, below)  # noqa: PTH118 - thousands of them
        beside = os.path.dirname(source)  # noqa: PTH120
        is_beside = self.place is Place.BESIDE
        return beside if is_beside else os.path.join(beside, self.subfolder)  # noqa: PTH118


class NameValues(NamedTuple):
    """What the fields of a result's name stand for, besides those of its source's name."""

    source: Size
    target: Size
    model: str
    seed: int


def result_name(
    source: str, pattern: Pattern, form: Format | None, values: NameValues
) -> tuple[str, Format]:
    """Return the file name of a result, without its folder, and its format.

    Args:
        source: path of the picture
        pattern: of the name
        form: that was asked for; None = as the source, or PNG where that is not written
        values: of the other fields

    Raises:
        BadPattern: the name came out as nothing but dots and spaces.
    """
    stem, extension = os.path.splitext(os.path.basename(source))  # noqa: PTH119, PTH122
    name = pattern.fill(
        {
            "stem": stem,
            "ext": extension[1:],
            "scale": scale_word(values.source, values.target),
            "width": str(values.target.width),
            "height": str(values.target.height),
            "model": values.model,
            "seed": str(values.seed),
        }
    )
    own = format_of(extension)
    form = form or own or Format.PNG
    return name + (extension if own is form else form.extensions[0]), form
