"""Picture files of a dialog, in their own depth and colours; decoders load with the first."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scalediff_engine.base.errors import OutputExists, ScaleDiffError
from scalediff_engine.client.pixels import PixelHeader
from scalediff_engine.images.formats import Format, format_for
from scalediff_engine.ui.language import translate
from scalediff_engine.ui.picture import Picture, make_picture, to_file

if TYPE_CHECKING:
    from scalediff_engine.images.picture import Metadata


class FileProblem(Exception):
    """A file that cannot be used; the text is a sentence for people."""


class PictureFiles:
    """Reads and writes picture files; for several threads.

    EXIF, XMP and resolution of what was read go into results of it.
    """

    def __init__(self) -> None:
        self._metadata: dict[Path, Metadata] = {}

    def read(self, file: Path) -> Picture:
        """Read a picture, upright, in its depth and with its profile.

        Raises:
            FileProblem: it cannot be read.
        """
        from scalediff_engine.images import reader
        from scalediff_engine.images.raw import result_header, write_pixels

        with _sentences(file.name):
            found = reader.read(file)
        self._metadata[file] = found.metadata
        alpha = "none" if found.alpha is None else "straight"
        width, height = found.size
        model = found.model.name.lower()
        header = PixelHeader(width, height, model, found.depth.value, alpha)
        header = result_header(found, header)
        travelling = BytesIO()
        write_pixels(found, header, travelling)
        samples = np.frombuffer(travelling.getbuffer(), np.uint8)[-header.sample_bytes :]
        return make_picture(header, found.icc or b"", samples)

    def write(
        self,
        picture: Picture,
        recipe: str | None,
        file: Path,
        source: Path | None = None,
        *,
        overwrite: bool = False,
    ) -> None:
        """Write a result in its depth, with its profile, its recipe and the source's metadata.

        Without a recipe, no metadata are written either.

        The file appears whole or not at all, and replaces another one only with ``overwrite``.

        Raises:
            FileProblem: it cannot be written, or is there already.
            OSError: there is no room for what is needed on the way.
        """
        from scalediff_engine.images import writer
        from scalediff_engine.images.raw import read_pixels

        with tempfile.TemporaryDirectory(prefix="scalediff-saving-") as folder:
            travelling = Path(folder) / "result.pixels"
            to_file(travelling, picture.header, picture.icc, picture.samples)
            with _sentences(file.name):
                found = read_pixels(travelling, max_pixels=picture.width * picture.height).picture
        metadata = None if source is None else self._metadata.get(source)
        if metadata is not None:
            found = replace(found, metadata=metadata)
        if recipe is None:
            found = found.stripped()
        with _sentences(file.name):
            writer.write(found, file, overwrite=overwrite, recipe=recipe)


def lossless_ending(source: Path, header: PixelHeader) -> str:
    """Give a lossless format's ending that holds the result: the source's if it is one, or PNG's.

    What PNG cannot hold, floats and CMYK, is TIFF's.
    """
    form = format_for(source)
    if form is Format.TIFF or header.model == "cmyk" or header.depth not in ("u8", "u16"):
        return Format.TIFF.extensions[0]
    return Format.PNG.extensions[0]


def free_name(source: Path, scale: float, ending: str = ".png") -> Path:
    """Give a name beside the source that is not taken yet, such as ``cat_x4.png``."""
    stem = f"{source.stem}_x{scale:.4g}"
    file = source.with_name(f"{stem}{ending}")
    number = 2
    while file.exists():
        file = source.with_name(f"{stem}-{number}{ending}")
        number += 1
    return file


@contextmanager
def _sentences(name: str) -> Generator[None]:
    """Say what went wrong in the way that dialogs say it."""
    try:
        yield
    except OutputExists as error:
        raise FileProblem(
            translate("Files", "{name} is there already, and stays as it is.").format(name=name)
        ) from error
    except ScaleDiffError as error:
        raise FileProblem(str(error)) from error
