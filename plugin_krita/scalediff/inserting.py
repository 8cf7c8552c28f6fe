"""A result's way into its document, in steps so short that nobody notices them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Callable, Optional, TypeVar

from .api import Application, Document, Node
from .hosts.errand import Fetched
from .hosts.placement import Canvas, Placement, Rect, factor_text, place
from .hosts.recipe import LayerRecipe, recipe_of
from .layers import find, is_open, place_above
from .profiles import Profiles
from .recipes import keep_recipe
from .samples import Unusable, apply_mask, repack
from .scratch import CannotConvert, converted, scaled
from .spaces import Space, header_for, space_for, space_of
from .taking import CannotTake, Origin
from .wire.pixels import PixelHeader

T = TypeVar("T")
# What Krita takes in about 15 ms.
_STRIP_BYTES = 8 << 20
_STRATEGY = "Bicubic"

# width, height of a mask, and width, height that it shall have
ScaleMask = Callable[[bytes, int, int, int, int], bytes]


class DocumentClosed(Exception):
    """The document that a result is for is not open any more."""


@dataclass(frozen=True)
class Inserted:
    """A result that is in its document.

    Attributes:
        name: of the layer
        undo_steps: it takes so many to take it back
        document: a new one to show; none = it went into the one that it is of
    """

    name: str
    undo_steps: int
    document: Optional[Document] = None


@dataclass(frozen=True)
class Means:
    """What an insertion needs.

    Attributes:
        app: Krita
        profiles: of ICC
        scale_mask: makes a selection as large as a result
    """

    app: Application
    profiles: Profiles
    scale_mask: ScaleMask


@dataclass
class _Picture:
    """Samples on their way."""

    header: PixelHeader
    samples: Any
    space: Space


def insertion(
    means: Means, origin: Origin, fetched: Fetched, canvas: Canvas
) -> Generator[None, None, Inserted]:
    """Put a result into its document; give way after every step.

    Raises:
        DocumentClosed: it was closed meanwhile.
        CannotTake: the result cannot be a layer there, and why.
    """
    header, document = fetched.pixels.header, origin.document
    name = f"{origin.name} {factor_text(origin.area, header.width, header.height)}"
    _require_open(means.app, document)
    size = (document.width(), document.height())
    placement = place(origin.area, header.width, header.height, size, canvas)
    try:
        picture = yield from _prepared(means, origin, fetched, placement.layer)
        _require_open(means.app, document)
        target = space_of(document)
        if picture.space != target:
            picture.samples = converted(
                means.app, picture.samples, *_size(picture), picture.space, target
            )
    except (CannotConvert, Unusable) as error:
        raise CannotTake(
            "The result is a picture that Krita cannot take over: {error}. It is kept for a day.",
            error=error,
        ) from error
    if canvas is Canvas.NEW:
        document = _new_document(means.app, document, name, placement.canvas)
    node = document.createNode(name, "paintlayer")
    yield from _filled(means.app, document, node, picture, _where(placement))
    _require_open(means.app, document)
    recipe = recipe_of(fetched.job, origin.name, origin.area, origin.layer, canvas)
    if canvas is Canvas.NEW:
        _add(document, node, None, recipe)
        return Inserted(name, 0, document)
    steps = _change_canvas(document, placement)
    _add(document, node, find(document, origin.layer), recipe)
    return Inserted(name, steps + 1)


def _prepared(
    means: Means, origin: Origin, fetched: Fetched, area: Rect
) -> Generator[None, None, _Picture]:
    """Turn a result into samples of a layer: Krita's order, the right size, the selection."""
    header, samples = yield from _in_thread(
        lambda: repack(fetched.pixels.header, fetched.pixels.samples)
    )
    space = origin.space or _space_of_result(means, header, fetched.pixels.icc)
    if (header.width, header.height) != (area.width, area.height):
        size = (header.width, header.height)
        samples = scaled(means.app, samples, size, space, (area.width, area.height))
        header = header_for(space, area.width, area.height)
    if origin.mask is not None:
        mask = origin.mask
        samples = yield from _in_thread(
            lambda: _masked(means.scale_mask, header, samples, mask, origin.area)
        )
    return _Picture(header, samples, space)


def _masked(
    scale_mask: ScaleMask,
    header: PixelHeader,
    samples: Any,  # noqa: ANN401 - any buffer
    mask: bytes,
    area: Rect,
) -> bytearray:
    found = samples if isinstance(samples, bytearray) else bytearray(samples)
    wide, high = header.width, header.height
    apply_mask(header, found, scale_mask(mask, area.width, area.height, wide, high))
    return found


def _space_of_result(means: Means, header: PixelHeader, icc: bytes) -> Space:
    """Find out what a result is in that was made of something else than this document."""
    depth = header.depth.upper()
    profile = means.profiles.name_of(icc, header.model, depth)
    if profile is None:
        raise CannotConvert(f"{header.model}, {header.depth}, with a profile of its own")
    return space_for(header, profile)


def _filled(
    app: Application, document: Document, node: Node, picture: _Picture, area: Rect
) -> Generator[None, None, None]:
    """Fill a layer that is not in its document yet, so that nobody sees it half done."""
    with memoryview(picture.samples) as view, view.cast("B") as all_bytes:
        row_bytes = all_bytes.nbytes // area.height
        rows = max(1, _STRIP_BYTES // row_bytes)
        for first in range(0, area.height, rows):
            _require_open(app, document)
            count = min(rows, area.height - first)
            strip = bytes(all_bytes[first * row_bytes : (first + count) * row_bytes])
            node.setPixelData(strip, area.x, area.y + first, area.width, count)
            yield


def _where(placement: Placement) -> Rect:
    """Give where a layer goes when its canvas has grown: what is in it was moved by that."""
    layer, canvas = placement.layer, placement.canvas
    return Rect(layer.x - canvas.x, layer.y - canvas.y, layer.width, layer.height)


def _change_canvas(document: Document, placement: Placement) -> int:
    """Change the canvas if that was chosen; give the number of undo steps that it takes.

    The layer comes afterwards, so it need not be moved or scaled along.
    """
    if placement.scaled is not None:
        dpi = document.resolution()
        document.scaleImage(*placement.scaled, dpi, dpi, _STRATEGY)
    else:
        canvas = placement.canvas
        if canvas == Rect(0, 0, document.width(), document.height()):
            return 0
        document.resizeImage(canvas.x, canvas.y, canvas.width, canvas.height)
    document.waitForDone()
    return 1


def _add(document: Document, node: Node, above: Optional[Node], recipe: LayerRecipe) -> None:
    parent, below = place_above(document, above)
    parent.addChildNode(node, below)
    keep_recipe(document, node, recipe)


def _new_document(app: Application, like: Document, name: str, canvas: Rect) -> Document:
    space = space_of(like)
    found = app.createDocument(
        canvas.width,
        canvas.height,
        name,
        space.model,
        space.depth,
        space.profile,
        float(like.resolution()),
    )
    if found is None:
        raise CannotConvert(f"{space}, {canvas.width}x{canvas.height}")
    return found


def _require_open(app: Application, document: Document) -> None:
    if not is_open(app, document):
        raise DocumentClosed


def _size(picture: _Picture) -> tuple[int, int]:
    return picture.header.width, picture.header.height


def _in_thread(work: Callable[[], T]) -> Generator[None, None, T]:
    """Do something in a thread, and give way until it is done."""
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            errors.append(error)

    thread = threading.Thread(target=run, name="scalediff-pixels", daemon=True)
    thread.start()
    while thread.is_alive():
        yield
    if errors:
        raise errors[0]
    return results[0]
