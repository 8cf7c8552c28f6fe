"""A result's way into its document, in steps so short that nobody notices them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Callable, Optional, TypeVar

from .api import Application, Document, Node
from .client.pixels import PixelHeader
from .layers import find, is_open, place_above, source_place
from .plugin_common.errand import Fetched
from .plugin_common.placement import Canvas, Placement, Rect, factor_text, follow, place
from .plugin_common.recipe import LayerRecipe, recipe_of
from .plugin_common.words import Words
from .profiles import Profiles
from .recipes import keep_recipe
from .samples import Unusable, apply_mask, repack
from .scratch import CannotConvert, Convert, converter, scaled
from .spaces import Space, header_for, space_for, space_of
from .taking import CannotTake, Origin, before_and_now

T = TypeVar("T")
# What Krita takes in about 15 ms.
_STRIP_BYTES = 8 << 20
# What it converts in about 50 ms.
_CONVERTED_PIXELS = 1 << 17
_STRATEGY = "Bicubic"
# Of a layer that covers what is below.
_NORMAL, _OPAQUE = "normal", 255

# width, height of a mask, and width, height that it shall have
ScaleMask = Callable[[bytes, int, int, int, int], bytes]


class DocumentClosed(Exception):
    """The document that a result is for is not open any more."""


class SourceChanged(CannotTake):
    """The place that a result is for is not known any more; the text asks where it shall go."""


class Blending(Enum):
    """What a result has of its source's blending mode and opacity."""

    PLAIN = "plain"  # nothing: the source is normal and opaque
    SOURCE_HIDDEN = "source-hidden"  # the same, and the source is hidden
    TWICE = "twice"  # the same over a part of the source, which still shows


@dataclass(frozen=True)
class Inserted:
    """A result that is in its document.

    Attributes:
        name: of the layer
        undo_steps: it takes so many to take it back
        document: a new one to show; none = it went into the one that it is of
        source: name of the layer that it is of
        blending: what it has of that layer's
    """

    name: str
    undo_steps: int
    document: Optional[Document] = None
    source: str = ""
    blending: Blending = Blending.PLAIN


@dataclass(frozen=True)
class Means:
    """What an insertion needs.

    Attributes:
        app: Krita
        profiles: of ICC
        scale_mask: makes a selection as large as a result
        words: the user's language
    """

    app: Application
    profiles: Profiles
    scale_mask: ScaleMask
    words: Words


@dataclass
class _Picture:
    """Samples on their way."""

    header: PixelHeader
    samples: Any
    space: Space


def insertion(
    means: Means, origin: Origin, fetched: Fetched, canvas: Canvas, *, anyway: bool = False
) -> Generator[None, None, Inserted]:
    """Put a result into its document; give way after every step.

    Args:
        means: see `Means`
        origin: where the source was
        fetched: the result
        canvas: what becomes of the document
        anyway: guess where the source is now if that cannot be known

    Raises:
        DocumentClosed: it was closed meanwhile.
        SourceChanged: the place of the source cannot be known; nothing was changed.
        CannotTake: the result cannot be a layer there, and why.
    """
    header, document = fetched.pixels.header, origin.document
    name = _name(means.words, origin, fetched, canvas)
    _require_open(means.app, document)
    area = _area_now(origin, canvas, anyway=anyway)
    size = (document.width(), document.height())
    placement = place(area, header.width, header.height, size, canvas)
    try:
        picture = yield from _prepared(means, origin, fetched, placement.layer)
        _require_open(means.app, document)
        recipe = recipe_of(fetched.job, origin.name, area, origin.layer, canvas)
        if canvas is Canvas.NEW:
            made = _new_document(means.app, document, name, placement.canvas)
            yield from _filled_document(means.app, made, picture, recipe)
            return Inserted(name, 0, made)
        node = document.createNode(name, "paintlayer")
        yield from _filled(means.app, document, node, picture, _moved(placement.layer, placement))
    except (CannotConvert, Unusable) as error:
        raise CannotTake(
            "The result is a picture that Krita cannot take over: {error}. It is kept for a day.",
            error=error,
        ) from error
    _require_open(means.app, document)
    if _area_now(origin, canvas, anyway=anyway) != area:  # it was moved while the layer was filled
        return (yield from insertion(means, origin, fetched, canvas, anyway=anyway))
    source = find(document, origin.layer)
    if source is not None:
        _copy_blending(source, node)
    steps = _change_canvas(document, placement)
    recipe = replace(
        recipe,
        area=_moved(area, placement),
        place=source_place(document, source),
        is_whole=origin.is_whole,
    )
    blending = _add(document, node, source, recipe)
    return Inserted(name, steps + 1, None, origin.name, blending)


def _name(words: Words, origin: Origin, fetched: Fetched, canvas: Canvas) -> str:
    if canvas is Canvas.IN_PLACE:
        return words("{name} in place", name=origin.name)
    header = fetched.pixels.header
    return f"{origin.name} {factor_text(origin.area, header.width, header.height)}"


def _area_now(origin: Origin, canvas: Canvas, *, anyway: bool) -> Rect:
    """Return where the source is now, which may have been moved since it was taken.

    Raises:
        SourceChanged: that cannot be known, or the image would be scaled once more.
    """
    then, area = origin.place, origin.area
    if then is None or canvas is Canvas.NEW:
        return area
    now = source_place(origin.document, find(origin.document, origin.layer))
    found = follow(area, then, now, is_whole=origin.is_whole)
    would_scale_again = canvas is Canvas.SCALE and then.canvas != now.canvas
    if found is not None and (anyway or not would_scale_again):
        return found
    if anyway:
        if now.bounds is None or then.bounds is None:
            return area
        if origin.is_whole and canvas is Canvas.IN_PLACE:
            return now.bounds
        x, y = now.bounds.x - then.bounds.x, now.bounds.y - then.bounds.y
        return Rect(area.x + x, area.y + y, area.width, area.height)
    if then.canvas != now.canvas:
        raise SourceChanged(
            "The image was {size} when “{name}” was read and is {size_now} now. Where should the "
            "result go?",
            name=origin.name,
            size="{}x{}".format(*then.canvas),
            size_now="{}x{}".format(*now.canvas),
        )
    assert then.bounds is not None
    assert now.bounds is not None, "without a layer only the canvas counts"
    raise SourceChanged(
        "“{name}” was {size} at {place} when it was read and is {size_now} at {place_now} now. "
        "Where should the result go?",
        name=origin.name,
        **before_and_now(then.bounds, now.bounds),
    )


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
    # what is not a bytearray came from Krita, at the size of its source
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
    target = space_of(document)
    with ExitStack() as stack, memoryview(picture.samples) as view, view.cast("B") as all_bytes:
        row_bytes = all_bytes.nbytes // area.height
        rows = _STRIP_BYTES // row_bytes
        if picture.space != target:
            rows = min(rows, _CONVERTED_PIXELS // area.width)
        rows = max(1, rows)
        convert: Convert = lambda strip, *_: strip  # noqa: E731
        if picture.space != target:
            opened = converter(app, area.width, min(rows, area.height), picture.space, target)
            convert = stack.enter_context(opened)
        for first in range(0, area.height, rows):
            _require_open(app, document)
            count = min(rows, area.height - first)
            strip = bytes(all_bytes[first * row_bytes : (first + count) * row_bytes])
            strip = convert(strip, area.width, count)
            node.setPixelData(strip, area.x, area.y + first, area.width, count)
            yield


def _filled_document(
    app: Application, document: Document, picture: _Picture, recipe: LayerRecipe
) -> Generator[None, None, None]:
    """Put a picture into a document that is made for it, which goes away if that fails."""
    is_done = False
    try:
        root = document.rootNode()
        assert root is not None, "it is new"
        node = root.childNodes()[0]  # or it would lie beneath, empty
        area = Rect(0, 0, document.width(), document.height())
        yield from _filled(app, document, node, picture, area)
        _require_open(app, document)
        node.setName(document.name())
        keep_recipe(document, node, recipe)
        document.refreshProjection()
        is_done = True
    finally:
        if not is_done:
            document.setBatchmode(True)
            document.close()


def _moved(area: Rect, placement: Placement) -> Rect:
    """Give where something is when the canvas has grown: what is in it was moved by that."""
    canvas = placement.canvas
    return Rect(area.x - canvas.x, area.y - canvas.y, area.width, area.height)


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


def _copy_blending(source: Node, node: Node) -> None:
    """Let a layer that is not in its document yet blend as its source does.

    Krita makes an undo step of each change, also here; so it comes before those that matter, and
    only where there is something to change.
    """
    if node.blendingMode() != source.blendingMode():
        node.setBlendingMode(source.blendingMode())
    if node.opacity() != source.opacity():
        node.setOpacity(source.opacity())
    if node.inheritAlpha() != source.inheritAlpha():
        node.setInheritAlpha(source.inheritAlpha())


def _add(document: Document, node: Node, source: Optional[Node], recipe: LayerRecipe) -> Blending:
    """Put a layer above its source, with the source's blending."""
    blending = Blending.PLAIN
    if source is not None and (source.blendingMode() != _NORMAL or source.opacity() != _OPAQUE):
        blending = Blending.SOURCE_HIDDEN if recipe.is_whole else Blending.TWICE
    parent, below = place_above(document, source)
    parent.addChildNode(node, below)
    keep_recipe(document, node, recipe)
    if blending is Blending.SOURCE_HIDDEN and source is not None:
        source.setVisible(False)
        document.refreshProjection()
    return blending


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
