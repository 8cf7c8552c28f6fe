"""Work on pixels that Krita does in a document of its own, which nobody sees and nothing keeps."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .api import Application, Document, Node
from .spaces import Space, space_of

_STRATEGY = "Bicubic"


class CannotConvert(Exception):
    """Krita does not have a colour space, or no memory for it."""


def converted(
    app: Application,
    samples: Any,  # noqa: ANN401 - any buffer
    width: int,
    height: int,
    source: Space,
    target: Space,
) -> Any:  # noqa: ANN401 - a buffer
    """Give pixels in another colour space, with Krita's own conversion.

    Raises:
        CannotConvert: Krita cannot.
    """
    with _holding(app, samples, width, height, source) as (document, node):
        if not node.setColorSpace(target.model, target.depth, target.profile):
            raise CannotConvert(f"{source} -> {target}")
        document.waitForDone()
        return node.pixelData(0, 0, width, height)


def scaled(
    app: Application,
    samples: Any,  # noqa: ANN401 - any buffer
    size: tuple[int, int],
    space: Space,
    target: tuple[int, int],
) -> Any:  # noqa: ANN401 - a buffer
    """Give pixels at another size, with Krita's own filter.

    Args:
        samples: in ``space``
        size: width and height as they are
        space: of both
        target: width and height as they shall be

    Raises:
        CannotConvert: Krita cannot.
    """
    with _holding(app, samples, *size, space) as (document, node):
        document.scaleImage(*target, document.resolution(), document.resolution(), _STRATEGY)
        document.waitForDone()
        return node.pixelData(0, 0, *target)


def real_space(app: Application, space: Space) -> Space:
    """Give a space with the name of its profile, where it was left to Krita."""
    if space.profile:
        return space
    document = _created(app, 1, 1, space)
    try:
        return space_of(document)
    finally:
        document.close()


@contextmanager
def _holding(
    app: Application,
    samples: Any,  # noqa: ANN401 - any buffer
    width: int,
    height: int,
    space: Space,
) -> Generator[tuple[Document, Node], None, None]:
    document = _created(app, width, height, space)
    try:
        root = document.rootNode()
        assert root is not None
        node = root.childNodes()[0]
        node.setPixelData(samples, 0, 0, width, height)
        yield document, node
    finally:
        document.close()


def _created(app: Application, width: int, height: int, space: Space) -> Document:
    document = app.createDocument(
        width, height, "ScaleDiff", space.model, space.depth, space.profile, 72.0
    )
    if document is None:
        raise CannotConvert(f"{space}, {width}x{height}")
    document.setBatchmode(True)
    return document
