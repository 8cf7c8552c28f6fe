"""Work on pixels that Krita does in a document of its own, which nobody sees and nothing keeps."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Callable

from .api import Application, Document, Node
from .spaces import Space, space_of

_STRATEGY = "Bicubic"


# Gives pixels of a width and height in another space.
Convert = Callable[[Any, int, int], Any]


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
    with converter(app, width, height, source, target) as convert:
        return convert(samples, width, height)


@contextmanager
def converter(
    app: Application, width: int, height: int, source: Space, target: Space
) -> Generator[Convert, None, None]:
    """Give what converts pixels, for as many parts as there are: a document takes long to make.

    Args:
        app: Krita
        width, height: that a part has at most
        source, target: colour spaces

    Raises:
        CannotConvert: Krita cannot; so does each conversion.
    """
    document = _created(app, width, height, source)

    def convert(samples: Any, width: int, height: int) -> Any:  # noqa: ANN401 - any buffer
        root = document.rootNode()
        assert root is not None
        node = document.createNode("", "paintlayer")
        node.setPixelData(samples, 0, 0, width, height)
        root.addChildNode(node, None)
        if not node.setColorSpace(target.model, target.depth, target.profile):
            raise CannotConvert(f"{source} -> {target}")
        document.waitForDone()
        found = node.pixelData(0, 0, width, height)
        node.remove()
        return found

    try:
        yield convert
    finally:
        document.close()


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
