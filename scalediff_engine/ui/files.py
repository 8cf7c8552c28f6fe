"""Picture files: read for the dialog, and written as its result.

What knows depths, profiles and metadata lives in the engine's rooms, which the dialogs do not
know; whoever puts the program together may hand in better functions than these of Pillow.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.picture import Picture, make_picture

# (file) -> picture
Read = Callable[[Path], Picture]
# (picture, recipe as JSON, file that does not exist yet, source whose metadata it keeps); without a
# recipe, neither is written
Write = Callable[[Picture, str | None, Path, Path | None], None]
# (source, the result's header) -> ending of the result's name, such as ``.png``
Ending = Callable[[Path, PixelHeader], str]


class FileProblem(Exception):
    """A file that cannot be used; the text is a sentence for people."""


@dataclass(frozen=True)
class Files:
    """How files are read and written; all are called in threads."""

    read: Read
    write: Write
    ending: Ending


def read_with_pillow(file: Path) -> Picture:
    """Read a picture with 8 bits.

    Raises:
        FileProblem: it cannot be read.
    """
    try:
        with Image.open(file) as opened:
            icc = opened.info.get("icc_profile") or b""
            upright = ImageOps.exif_transpose(opened)
            has_alpha = upright.has_transparency_data
            if upright.mode not in ("RGB", "RGBA"):
                icc = b""  # it describes other colours than those that come out
            image = upright.convert("RGBA" if has_alpha else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FileProblem(
            translate("Files", "{name} cannot be read as a picture.").format(name=file.name)
        ) from error
    header = PixelHeader(
        image.width,
        image.height,
        "rgb",
        "u8",
        "straight" if has_alpha else "none",
        icc_bytes=len(icc),
    )
    samples = np.asarray(image, np.uint8).reshape(-1)
    return make_picture(header, icc, samples)


def write_with_pillow(
    picture: Picture, recipe: str | None, file: Path, source: Path | None = None
) -> None:
    """Write what the screen shows as a PNG; the file appears whole or not at all.

    Args:
        picture: the result
        recipe: how it was made, as JSON
        file: that does not exist yet
        source: not looked at; metadata are beyond this one

    Raises:
        FileProblem: it cannot be written, or is there already.
    """
    del source
    header = picture.header
    if (header.model, header.depth, header.order) == ("rgb", "u8", "rgb"):
        shape = (header.height, header.width, header.channels)
        pixels, icc = picture.samples.reshape(shape), picture.icc
    else:
        shown = picture.raster.arrays[0]
        pixels, icc = np.ascontiguousarray(shown[..., [2, 1, 0]]), b""
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        image = Image.fromarray(np.asarray(pixels))
        with draft.open("xb") as opened:
            image.save(opened, "PNG", icc_profile=icc or None, pnginfo=_text_of(recipe))
        _link_new(draft, file)
    except FileExistsError as error:
        raise FileProblem(
            translate("Files", "{name} is there already, and stays as it is.").format(
                name=file.name
            )
        ) from error
    except OSError as error:
        raise FileProblem(
            translate("Files", "{name} cannot be written: {reason}.").format(
                name=file.name, reason=error.strerror or error
            )
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def free_name(source: Path, scale: float, ending: str = ".png") -> Path:
    """Give a name beside the source that is not taken yet, such as ``cat_x4.png``."""
    stem = f"{source.stem}_x{scale:.4g}"
    file = source.with_name(f"{stem}{ending}")
    number = 2
    while file.exists():
        file = source.with_name(f"{stem}-{number}{ending}")
        number += 1
    return file


def _text_of(recipe: str | None) -> object:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if recipe is not None:
        info.add_itxt("scalediff", recipe)
    return info


def _link_new(draft: Path, file: Path) -> None:
    """Give a file its name, unless it is taken.

    Raises:
        FileExistsError: it is.
    """
    try:
        os.link(draft, file)
    except FileExistsError:
        raise
    except OSError:  # file systems without links
        if file.exists():
            raise FileExistsError(str(file)) from None
        draft.rename(file)


def always_png(source: Path, header: PixelHeader) -> str:
    """Give the only ending that ``write_with_pillow`` knows."""
    del source, header
    return ".png"


PILLOW = Files(read_with_pillow, write_with_pillow, always_png)
