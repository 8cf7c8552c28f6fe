"""Headers of many files for the folder dialog, as the command line reads them."""

from __future__ import annotations

from pathlib import Path

from scalediff_engine.base.errors import ScaleDiffError
from scalediff_engine.images import reader, unread_formats
from scalediff_engine.images.formats import is_picture
from scalediff_engine.images.recipe import recipe_in
from scalediff_engine.ui.files import FileProblem
from scalediff_engine.ui.folder.inspecting import Header, Inspector


def inspector() -> Inspector:
    """Give what a folder dialog asks for; for several threads."""
    return Inspector(lambda name: is_picture(Path(name)), inspect, unread_formats.refusal)


def inspect(file: Path) -> Header:
    """Read a header.

    Raises:
        FileProblem: it cannot be read as a picture.
    """
    try:
        found = reader.probe(file)
    except ScaleDiffError as error:
        raise FileProblem(str(error)) from error
    return Header(*found.size, is_result=recipe_in(found.xmp) is not None)
