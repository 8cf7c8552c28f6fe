"""What is taken from an image: pixels as they are, where they lie, and through which mask."""

from __future__ import annotations

import functools
import operator
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from gi.repository import Gimp

from . import gegl
from .checked import Complaint, must
from .formats import Curve, Encoding, read_encoding
from .gegl import Block
from .plugin_common.errand import Material
from .plugin_common.placement import Rect, SourcePlace
from .profiles import profile_of

_OPAQUE = struct.pack("=f", 1.0)
_STRIP_ROWS = 64
_ALL_OR_NOTHING = bytes([0] + [255] * 255)
# A palette has 8 bits and the profile's curve.
_OF_PALETTES = Encoding("rgb", "u8")


@dataclass(frozen=True)
class Taken:
    """Something to upscale.

    Attributes:
        material: for the engine
        area: where it lies in the image
        format: of its samples, as Babl calls it
        place: where its source was
        mask: where it counts; none = everywhere
        layer: that it was taken from; none = the visible image
        is_whole: whether it is all of that layer
    """

    material: Material
    area: Rect
    format: str
    place: SourcePlace
    mask: Optional[Block] = None
    layer: Optional[Gimp.Layer] = None
    is_whole: bool = False


def place_of(image: Gimp.Image, layer: Optional[Gimp.Layer]) -> SourcePlace:
    """Return where a layer of an image is now, or the visible image."""
    canvas = (image.get_width(), image.get_height())
    if layer is None or not layer.is_valid() or layer.get_image() != image:
        return SourcePlace(canvas)
    return SourcePlace(canvas, _rect(layer))


def has_effects(layer: Gimp.Layer) -> bool:
    """Tell whether a layer is seen through effects (fx)."""
    return any(each.get_visible() for each in layer.get_filters())


def take_layers(
    image: Gimp.Image, drawables: Sequence[Gimp.Drawable], say: Callable[..., str]
) -> list[Taken]:
    """Take layers, each as far as it is selected, from the top one down.

    Raises:
        Complaint: something is no layer, or nothing of it can be seen in the selection.
    """
    layers: list[Gimp.Layer] = []
    for drawable in drawables:
        layer = _layer_of(drawable, say)
        if layer not in layers:
            layers.append(layer)
    if image.get_floating_sel() is not None:
        raise Complaint(say("There is a floating selection. Anchor it first (Layer > Anchor)."))
    return [_take_layer(image, layer, say) for layer in layers]


def take_visible(image: Gimp.Image, say: Callable[..., str]) -> Taken:
    """Take what is seen of an image, as far as it is selected.

    Raises:
        Complaint: GIMP does not give it.
    """
    area = _selected(image) or Rect(0, 0, image.get_width(), image.get_height())
    name = must(image.get_name(), "The image has no name")
    layer = must(
        Gimp.Layer.new_from_visible(image, image, name), "The visible image cannot be read"
    )
    try:
        samples, encoding = _pixels(layer, area, as_seen=True)
        mask = _unless_white(_selection(image, area))
        _require_seen(layer, area, mask, say("Visible image"), say)
    finally:
        layer.delete()
    material = _material(image, samples, encoding, say("Visible image"))
    return Taken(material, area, samples.format, place_of(image, None), mask)


def _layer_of(drawable: Gimp.Drawable, say: Callable[..., str]) -> Any:
    if isinstance(drawable, Gimp.LayerMask):
        return must(Gimp.Layer.from_mask(drawable), "The mask belongs to no layer")
    if not isinstance(drawable, Gimp.Layer):
        name = drawable.get_name()
        raise Complaint(say("'{name}' is a channel. Select a layer and try again.", name=name))
    return drawable


def _take_layer(image: Gimp.Image, layer: Gimp.Layer, say: Callable[..., str]) -> Taken:
    if has_effects(layer):
        with _as_seen(image, layer) as (seen, frame, bounds):
            area = _within_selection(image, layer, bounds, say)
            within = _shifted(area, -frame.x, -frame.y)
            return _taken(image, layer, (seen, within, area), say, as_seen=True)
    rect = _rect(layer)
    area = _within_selection(image, layer, rect, say)
    return _taken(image, layer, (layer, _shifted(area, -rect.x, -rect.y), area), say)


def _taken(
    image: Gimp.Image,
    layer: Gimp.Layer,
    pixels: tuple[Gimp.Layer, Rect, Rect],
    say: Callable[..., str],
    *,
    as_seen: bool = False,
) -> Taken:
    """Take a layer, or what it looks like.

    Args:
        pixels: what has them, the rectangle in it, the same in the image
        as_seen: whether mask and effects are in the pixels
    """
    name, (held, within, area) = layer.get_name(), pixels
    samples, encoding = _pixels(held, within, as_seen=as_seen)
    mask = _unless_white(_selection(image, area))
    is_whole = mask is None and _shares(_rect(layer), area) == _rect(layer)
    own = None if as_seen else layer.get_mask()
    if own is not None and layer.get_apply_mask():
        of_layer = gegl.read(own.get_buffer(), within, _mask_format(own))
        mask = _unless_white(of_layer if mask is None else gegl.multiplied(mask, of_layer))
    _require_seen(held, within, mask, name, say)
    material = _material(image, samples, encoding, name)
    place = place_of(image, layer)
    return Taken(material, area, samples.format, place, mask, layer, is_whole)


@contextmanager
def _as_seen(
    image: Gimp.Image, layer: Gimp.Layer
) -> Generator[tuple[Gimp.Layer, Rect, Rect], None, None]:
    """Give a layer with its mask and effects in its pixels.

    Yields:
        that layer, in an image of its own; what of the image it is; what of the image it fills
    """
    rect = _rect(layer)
    frame = _around(rect, Rect(0, 0, image.get_width(), image.get_height()))
    kind = image.get_base_type()
    if kind == Gimp.ImageBaseType.INDEXED:
        kind = Gimp.ImageBaseType.RGB
    deed = "The layer's effects cannot be read"
    other = must(
        Gimp.Image.new_with_precision(frame.width, frame.height, kind, image.get_precision()), deed
    )
    try:
        profile = image.get_color_profile()
        if profile is not None:
            must(other.set_color_profile(profile), deed)
        copy = must(Gimp.Layer.new_from_drawable(layer, other), deed)
        must(other.insert_layer(copy, None, 0), deed)
        must(copy.set_offsets(rect.x - frame.x, rect.y - frame.y), deed)
        must(copy.set_visible(True), deed)
        must(copy.set_opacity(100.0), deed)
        if copy.get_mode() != Gimp.LayerMode.PASS_THROUGH:
            must(copy.set_mode(Gimp.LayerMode.NORMAL), deed)
        seen = must(Gimp.Layer.new_from_visible(other, other, layer.get_name()), deed)
        must(other.insert_layer(seen, None, 0), deed)
        must(other.select_item(Gimp.ChannelOps.REPLACE, seen), deed)
        filled = _selected(other)
        bounds = rect if filled is None else _around(rect, _shifted(filled, frame.x, frame.y))
        yield seen, frame, bounds
    finally:
        other.delete()


def _within_selection(
    image: Gimp.Image, layer: Gimp.Layer, bounds: Rect, say: Callable[..., str]
) -> Rect:
    """Return what of some bounds is selected.

    Raises:
        Complaint: nothing.
    """
    selected = _selected(image)
    area = bounds if selected is None else _shares(bounds, selected)
    if area is None:
        text = "The selection lies outside of the layer '{name}'. Move one of them, or select none."
        raise Complaint(say(text, name=layer.get_name()))
    return area


def _require_seen(
    layer: Gimp.Layer, within: Rect, mask: Optional[Block], name: str, say: Callable[..., str]
) -> None:
    """Pass if some pixel can be seen.

    Raises:
        Complaint: all are transparent or hidden by the mask.
    """
    shown = None if mask is None else gegl.converted(mask, "Y u8").samples
    for top in range(0, within.height, _STRIP_ROWS):  # the first one that shows is enough
        rows = min(_STRIP_ROWS, within.height - top)
        strips: list[bytes] = []
        if shown is not None:
            strips.append(shown[top * within.width : (top + rows) * within.width])
        if layer.has_alpha():
            area = Rect(within.x, within.y + top, within.width, rows)
            strips.append(gegl.read(layer.get_buffer(), area, "A u8").samples)
        bits = [int.from_bytes(each.translate(_ALL_OR_NOTHING), "little") for each in strips]
        if not bits or functools.reduce(operator.and_, bits):
            return
    text = (
        "Nothing of '{name}' can be seen there: it is transparent. Select a part that shows, "
        "or another layer."
    )
    raise Complaint(say(text, name=name))


def _pixels(layer: Gimp.Layer, area: Rect, *, as_seen: bool = False) -> tuple[Block, Encoding]:
    """Read pixels in the layer's own encoding and space.

    What is seen always has alpha in GIMP; where it hides nothing it is left out.
    """
    if layer.is_indexed():
        alpha = "straight" if layer.has_alpha() else "none"
        encoding = Encoding(_OF_PALETTES.model, _OF_PALETTES.depth, alpha, Curve.PROFILE)
    else:
        encoding = read_encoding(gegl.Babl.format_get_encoding(layer.get_format()))
    if as_seen and encoding.alpha != "none" and _is_opaque(layer, area):
        encoding = replace(encoding, alpha="none")
    format_name = gegl.format_like(encoding.babl_name, layer)
    return gegl.read(layer.get_buffer(), area, format_name), encoding


def _is_opaque(layer: Gimp.Layer, area: Rect) -> bool:
    alpha = gegl.read(layer.get_buffer(), area, "A float")
    return alpha.samples == _OPAQUE * (area.width * area.height)


def _material(image: Gimp.Image, samples: Block, encoding: Encoding, title: str) -> Material:
    header = encoding.header(samples.width, samples.height)
    return Material(header, samples.samples, profile_of(image, encoding.curve), title)


def _selected(image: Gimp.Image) -> Optional[Rect]:
    """Give the bounds of the selection; none = nothing is selected."""
    _, there, left, top, right, bottom = Gimp.Selection.bounds(image)
    return Rect(left, top, right - left, bottom - top) if there else None


def _selection(image: Gimp.Image, area: Rect) -> Optional[Block]:
    """Give how far each pixel is selected; none = nothing is selected, so that all counts."""
    if _selected(image) is None:
        return None
    selection = image.get_selection()
    return gegl.read(selection.get_buffer(), area, _mask_format(selection))


def _rect(layer: Gimp.Layer) -> Rect:
    _, x, y = layer.get_offsets()
    return Rect(x, y, layer.get_width(), layer.get_height())


def _shifted(area: Rect, x: int, y: int) -> Rect:
    return Rect(area.x + x, area.y + y, area.width, area.height)


def _around(one: Rect, other: Rect) -> Rect:
    left, top = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Rect(left, top, right - left, bottom - top)


def _shares(one: Rect, other: Rect) -> Optional[Rect]:
    """Return what two rectangles share; none = nothing."""
    left, top = max(one.x, other.x), max(one.y, other.y)
    right = min(one.x + one.width, other.x + other.width)
    bottom = min(one.y + one.height, other.y + other.height)
    return Rect(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _mask_format(mask: Gimp.Drawable) -> str:
    return str(gegl.Babl.get_name(mask.get_format()))


def _unless_white(mask: Optional[Block]) -> Optional[Block]:
    """Give a mask, unless it hides nothing."""
    if mask is None:
        return None
    pixel_bytes = len(mask.samples) // (mask.width * mask.height)
    first = mask.samples[:pixel_bytes]
    even = mask.samples == first * (mask.width * mask.height)
    return None if even and first in _WHITES else mask


# 1 as every type of a mask has it: whole numbers, half, float and double
_WHITES = frozenset(
    [b"\xff", b"\xff" * 2, b"\xff" * 4, b"\x00\x3c", b"\x00\x00\x80\x3f", bytes(6) + b"\xf0\x3f"]
)
