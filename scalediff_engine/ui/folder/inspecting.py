"""A look at a file's header: is it a picture, how large, and did this program make it?"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from scalediff_engine.ui.files import FileProblem
from scalediff_engine.ui.folder import formats
from scalediff_engine.ui.language import translate

_RECIPE = b"urn:scalediff:recipe"
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


@dataclass(frozen=True)
class Header:
    """What a file's header says.

    Attributes:
        width, height: in pixels, as the picture is seen
        is_result: whether it was made by this program
    """

    width: int
    height: int
    is_result: bool = False


@dataclass(frozen=True)
class Inspector:
    """How files are looked at; both are called in threads.

    Attributes:
        is_picture: whether a name looks like a picture's
        inspect: reads a header; raises ``FileProblem`` with a sentence
        refusal: why a picture of a format that is not read is left out; None for no picture
    """

    is_picture: Callable[[str], bool]
    inspect: Callable[[Path], Header]
    refusal: Callable[[str], str | None] = lambda _: None


def inspect_with_pillow(file: Path) -> Header:
    """Read a header with Pillow.

    Raises:
        FileProblem: it cannot be read as a picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                width, height = opened.size
                turned = opened.getexif().get(_ORIENTATION) in _TURNED
                found = opened.info.get("xmp") or opened.info.get("XML:com.adobe.xmp") or b""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FileProblem(
            translate("Files", "{name} cannot be read as a picture.").format(name=file.name)
        ) from error
    xmp = found.encode() if isinstance(found, str) else bytes(found)
    if turned:
        width, height = height, width
    return Header(width, height, _RECIPE in xmp)


PILLOW = Inspector(formats.is_picture, inspect_with_pillow)
