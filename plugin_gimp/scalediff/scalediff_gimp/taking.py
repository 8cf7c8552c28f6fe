"""What is taken from an image: pixels as they are, where they lie, and through which mask."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from gi.repository import Gimp

from . import gegl
from .checked import Complaint, must
from .formats import Curve, Encoding, read_encoding
from .gegl import Block
from .plugin_common.errand import Material
from .plugin_common.placement import Rect
from .profiles import profile_of

_OPAQUE = struct.pack("=f", 1.0)
# A palette has 8 bits and the profile's curve.
_OF_PALETTES = Encoding("rgb", "u8")


@dataclass(frozen=True)
class Taken:
    """Something to upscale.

    Attributes:
        material: for the engine
        area: where it lies in the image
        format: of its samples, as Babl calls it
        mask: where it counts; none = everywhere
        layer: that it was taken from; none = the visible image
    """

    material: Material
    area: Rect
    format: str
    mask: Optional[Block] = None
    layer: Optional[Any] = None


def take_layers(image: Any, drawables: Sequence[Any], say: Callable[..., str]) -> list[Taken]:
    """Take layers, each as far as it is selected, from the top one down.

    Raises:
        Complaint: something is no layer, or the selection lies outside of it.
    """
    layers: list[Any] = []
    for drawable in drawables:
        layer = _layer_of(drawable, say)
        if layer not in layers:
            layers.append(layer)
    if image.get_floating_sel() is not None:
        raise Complaint(say("There is a floating selection. Anchor it first (Layer > Anchor)."))
    return [_take_layer(image, layer, say) for layer in layers]


def take_visible(image: Any, say: Callable[..., str]) -> Taken:
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
    finally:
        layer.delete()
    mask = _selection(image, area)
    material = _material(image, samples, encoding, say("Visible image"))
    return Taken(material, area, samples.format, _unless_white(mask))


def _layer_of(drawable: Any, say: Callable[..., str]) -> Any:
    if isinstance(drawable, Gimp.LayerMask):
        return must(Gimp.Layer.from_mask(drawable), "The mask belongs to no layer")
    if not isinstance(drawable, Gimp.Layer):
        name = drawable.get_name()
        raise Complaint(say("'{name}' is a channel. Select a layer and try again.", name=name))
    return drawable


def _take_layer(image: Any, layer: Any, say: Callable[..., str]) -> Taken:
    name = layer.get_name()
    touches, x, y, width, height = layer.mask_intersect()
    if not touches or width < 1 or height < 1:
        text = "The selection lies outside of the layer '{name}'. Move one of them, or select none."
        raise Complaint(say(text, name=name))
    _, left, top = layer.get_offsets()
    within, area = Rect(x, y, width, height), Rect(left + x, top + y, width, height)
    samples, encoding = _pixels(layer, within)
    mask = _selection(image, area)
    own = layer.get_mask()
    if own is not None and layer.get_apply_mask():
        of_layer = gegl.read(own.get_buffer(), within, _mask_format(own))
        mask = of_layer if mask is None else gegl.multiplied(mask, of_layer)
    material = _material(image, samples, encoding, name)
    return Taken(material, area, samples.format, _unless_white(mask), layer)


def _pixels(layer: Any, area: Rect, *, as_seen: bool = False) -> tuple[Block, Encoding]:
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


def _is_opaque(layer: Any, area: Rect) -> bool:
    alpha = gegl.read(layer.get_buffer(), area, "A float")
    return alpha.samples == _OPAQUE * (area.width * area.height)


def _material(image: Any, samples: Block, encoding: Encoding, title: str) -> Material:
    header = encoding.header(samples.width, samples.height)
    return Material(header, samples.samples, profile_of(image, encoding.curve), title)


def _selected(image: Any) -> Optional[Rect]:
    """Give the bounds of the selection; none = nothing is selected."""
    _, there, left, top, right, bottom = Gimp.Selection.bounds(image)
    return Rect(left, top, right - left, bottom - top) if there else None


def _selection(image: Any, area: Rect) -> Optional[Block]:
    """Give how far each pixel is selected; none = nothing is selected, so that all counts."""
    if _selected(image) is None:
        return None
    selection = image.get_selection()
    return gegl.read(selection.get_buffer(), area, _mask_format(selection))


def _mask_format(mask: Any) -> str:
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
