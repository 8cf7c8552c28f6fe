"""What is taken from a document to be upscaled, or why it cannot be."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .api import Application, Document, Node, Selection
from .layers import edges_of, has_masks, id_of, owner_of, source_place
from .plugin_common.placement import Rect, SourcePlace
from .samples import visible_bounds
from .scratch import CannotConvert, Convert, converter, real_space
from .spaces import Space, sendable, space_of

_FULL = 255
# What Krita gives in about 10 ms, and what it converts in about 50.
_PART_BYTES = 8 << 20
_CONVERTED_PIXELS = 1 << 17
# A picture of their own, put together by Krita: it has no raw pixels, or is shown otherwise.
_COMPOSED = ("grouplayer", "vectorlayer", "clonelayer", "filelayer", "filllayer")


class CannotTake(Exception):
    """Why there is nothing to upscale.

    Attributes:
        text: in English, with the names of ``values`` in braces
        values: what stands for them
    """

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.text = text
        self.values = values


@dataclass(frozen=True)
class Origin:
    """Where pixels are from, and so where their result goes.

    Attributes:
        document: that they are of
        layer: id of the layer; empty = the visible image
        name: of the layer or the document
        area: in the document
        space: that they were handed over in; none = as the result says
        mask: how far each pixel of the area is selected, a byte each; none = all of them fully
        place: where the layer or image was then; none = it is not from here
        is_whole: all of the layer was taken, not a selected part
    """

    document: Document
    layer: str
    name: str
    area: Rect
    space: Optional[Space]
    mask: Optional[bytes] = None
    place: Optional[SourcePlace] = None
    is_whole: bool = False


@dataclass(frozen=True)
class Taken:
    """A part of a document as it was at one moment.

    Attributes:
        origin: where it is from
        space: of its samples
        reading: gives the samples, row by row; gives way after each part of many
    """

    origin: Origin
    space: Space
    reading: Generator[None, None, Any]


def take(
    app: Application,
    document: Document,
    *,
    node: Optional[Node] = None,
    visible: bool = False,
    area: Optional[Rect] = None,
    is_whole: bool = False,
) -> Taken:
    """Take the selected part of a layer, or all of it.

    Args:
        app: Krita
        document: that it is of
        node: the layer; none = the active one
        visible: take the image as it is seen in place of a layer
        area: in place of the selection, whose shape counts only if it is just there
        is_whole: take all of the layer, whatever is selected

    Raises:
        CannotTake: there is nothing, or nothing that has pixels.
    """
    document.waitForDone()  # of a stroke that is being drawn, of a group that is put together
    layer = None if visible else _layer(document, node)
    canvas = Rect(0, 0, document.width(), document.height())
    name = _title(document) if layer is None else layer.name()
    space = space_of(document if layer is None else layer)
    _require_known(space, name)
    full = canvas if layer is None else _extent(layer, canvas, space)
    if full.width < 1 or full.height < 1:
        raise CannotTake("The layer “{name}” is empty: there is nothing to upscale.", name=name)
    selection, mask = None if is_whole else document.selection(), None
    is_whole = layer is not None and area is None and selection is None
    if area is None and selection is not None:
        area, mask = _selected(selection, canvas, full, name)
    elif area is not None and selection is not None and _rect(selection) == area:
        mask = _mask(selection, area)
    area = full if area is None else area
    target = sendable(app, space)
    if target != space:
        try:
            target = real_space(app, target)
        except CannotConvert as error:
            raise _cannot_convert(name, error) from error
    rows = _PART_BYTES // (area.width * space.pixel_bytes)
    if target != space:
        rows = min(rows, _CONVERTED_PIXELS // area.width)
    pixels = _pixels(document, layer, area, max(1, rows))
    reading = _reading(app, pixels, area, (space, target), name)
    origin = Origin(
        document,
        "" if layer is None else id_of(layer),
        _named(document, layer, name),
        area,
        target,
        mask,
        source_place(document, layer),
        is_whole,
    )
    return Taken(origin, target, reading)


def _layer(document: Document, node: Optional[Node]) -> Node:
    """Give the layer to take, which has pixels that Krita keeps up to date."""
    active = document.activeNode() if node is None else node
    if active is None:
        raise CannotTake("No layer is active. Click one in the Layers docker and try again.")
    layer = owner_of(active)
    kind, name = layer.type(), layer.name()
    if kind == "filterlayer":
        raise CannotTake(
            "“{name}” is a filter layer and has no pixels of its own. Choose the layer "
            "below it, or upscale the visible image.",
            name=name,
        )
    if kind != "paintlayer" and kind not in _COMPOSED:
        raise CannotTake("“{name}” has no pixels that could be upscaled.", name=name)
    if kind == "grouplayer" and layer.passThroughMode():
        raise CannotTake(
            "The group “{name}” passes through, so it has no picture of its own. Turn "
            "Pass Through off, or upscale the visible image.",
            name=name,
        )
    if not _is_plain(layer) and not _is_seen(layer):
        raise CannotTake(
            "“{name}” is hidden, so Krita does not keep its picture up to date. Show it "
            "and try again.",
            name=name,
        )
    return layer


def _extent(layer: Node, canvas: Rect, space: Space) -> Rect:
    """Return the bounds of a layer as it is seen.

    Masks move, grow and hide pixels, which Krita's own bounds do not tell; it keeps what they make
    up to date on the canvas alone.
    """
    if not has_masks(layer):
        return edges_of(layer.bounds())
    found = bytes(layer.projectionPixelData(0, 0, canvas.width, canvas.height))
    seen = visible_bounds(found, canvas.width, space.pixel_bytes, space.sample_bytes)
    if seen is None:
        raise CannotTake(
            "Nothing of “{name}” is visible on the canvas. Check its masks, or choose another "
            "layer.",
            name=layer.name(),
        )
    return Rect(*seen)


def _selected(
    selection: Selection, canvas: Rect, full: Rect, name: str
) -> tuple[Rect, Optional[bytes]]:
    area = _common(_rect(selection), canvas)
    if area is None:
        raise CannotTake("The selection lies outside of the canvas. Select something on it.")
    if _common(area, full) is None:
        raise CannotTake(
            "Nothing of the layer “{name}” is selected. Select a part of it, or choose "
            "another layer.",
            name=name,
        )
    return area, _mask(selection, area)


def _mask(selection: Selection, area: Rect) -> Optional[bytes]:
    mask = bytes(selection.pixelData(area.x, area.y, area.width, area.height))
    return None if mask.count(_FULL) == len(mask) else mask


def _rect(selection: Selection) -> Rect:
    return Rect(selection.x(), selection.y(), selection.width(), selection.height())


def _require_known(space: Space, name: str) -> None:
    if not space.is_known:
        raise CannotTake(
            "“{name}” is in the colour model {model} with {depth}, which cannot be "
            "upscaled. Convert it to RGB.",
            name=name,
            model=space.model,
            depth=space.depth,
        )


@dataclass(frozen=True)
class _Pixels:
    """Pixels as they are in Krita: ``read(x, y, w, h)``, ``rows`` at a time."""

    read: Callable[[int, int, int, int], Any]
    rows: int


def _pixels(document: Document, layer: Optional[Node], area: Rect, rows: int) -> _Pixels:
    if layer is None:
        return _Pixels(document.pixelData, area.height)
    if not _is_plain(layer):
        return _Pixels(layer.projectionPixelData, area.height)
    # a clone of an animation would be at its first frame
    if layer.animated() or rows >= area.height:
        return _Pixels(layer.pixelData, area.height)
    # shares the pixels of the layer until somebody paints there, and is not painted on itself
    return _Pixels(layer.clone().pixelData, rows)


def _reading(
    app: Application, pixels: _Pixels, area: Rect, spaces: tuple[Space, Space], name: str
) -> Generator[None, None, Any]:
    """Read pixels and convert them from one space to the other."""
    space, target = spaces
    if space == target:
        return (yield from _parts(pixels, area, space, name, lambda found, *_: found))
    try:
        rows = min(pixels.rows, area.height)
        with converter(app, area.width, rows, space, target) as convert:
            return (yield from _parts(pixels, area, space, name, convert))
    except CannotConvert as error:
        raise _cannot_convert(name, error) from error


def _parts(
    pixels: _Pixels, area: Rect, space: Space, name: str, convert: Convert
) -> Generator[None, None, Any]:
    is_seen = False

    def part(first: int, count: int) -> Any:  # noqa: ANN401 - any buffer
        nonlocal is_seen
        found = pixels.read(area.x, area.y + first, area.width, count)
        if len(found) != area.width * count * space.pixel_bytes:
            raise CannotTake("Krita does not give the pixels of “{name}”.", name=name)
        is_seen = is_seen or _has_visible(found, area.width, space)
        return convert(found, area.width, count)

    if pixels.rows >= area.height:
        whole = part(0, area.height)
        _require_seen(is_seen, name)
        return whole
    whole = bytearray()
    for first in range(0, area.height, pixels.rows):
        yield
        count = min(pixels.rows, area.height - first)
        with memoryview(part(first, count)) as found:
            whole += found.cast("B")
    _require_seen(is_seen, name)
    yield
    return whole


def _has_visible(found: Any, width: int, space: Space) -> bool:  # noqa: ANN401 - any buffer
    """Whether some pixel is not wholly transparent; looks no further than the first row of them."""
    row_bytes = width * space.pixel_bytes
    with memoryview(found) as view, view.cast("B") as samples:
        rows = (bytes(samples[at : at + row_bytes]) for at in range(0, len(samples), row_bytes))
        sizes = width, space.pixel_bytes, space.sample_bytes
        return any(visible_bounds(row, *sizes) is not None for row in rows)


def _require_seen(is_seen: bool, name: str) -> None:
    if not is_seen:
        raise CannotTake(
            "All that would be upscaled of “{name}” is transparent. Select a part that has "
            "pixels, or choose another layer.",
            name=name,
        )


def _cannot_convert(name: str, error: CannotConvert) -> CannotTake:
    return CannotTake("Krita cannot convert “{name}” to RGB here: {error}.", name=name, error=error)


def _is_plain(layer: Node) -> bool:
    """Whether a layer looks as its own pixels do: masks change that."""
    return layer.type() == "paintlayer" and not has_masks(layer)


def _is_seen(layer: Node) -> bool:
    node: Optional[Node] = layer
    while node is not None:
        if not node.visible():
            return False
        node = node.parentNode()
    return True


def _named(document: Document, layer: Optional[Node], name: str) -> str:
    """Give the name of what was taken; of an animation, the frame too."""
    if layer is not None and layer.animated():
        return f"{name} #{document.currentTime()}"
    return name


def _title(document: Document) -> str:
    file = document.fileName().replace("\\", "/").rpartition("/")[2]
    return document.name() or file.rpartition(".")[0] or "Image"


def before_and_now(then: Rect, now: Rect) -> dict[str, str]:
    """Return the values of a sentence about a layer that was changed."""
    return {
        "size": f"{then.width}x{then.height}",
        "place": f"{then.x}, {then.y}",
        "size_now": f"{now.width}x{now.height}",
        "place_now": f"{now.x}, {now.y}",
    }


def _common(one: Rect, other: Rect) -> Optional[Rect]:
    """Give what two rectangles share; none = nothing."""
    left, top = max(one.x, other.x), max(one.y, other.y)
    right = min(one.x + one.width, other.x + other.width)
    bottom = min(one.y + one.height, other.y + other.height)
    return Rect(left, top, right - left, bottom - top) if right > left and bottom > top else None
