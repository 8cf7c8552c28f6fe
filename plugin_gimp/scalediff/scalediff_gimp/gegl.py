"""Pixels in and out of GEGL's buffers, without any conversion that is not meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Babl, Gegl, Gimp

from .checked import Complaint, must
from .plugin_common.placement import Rect

CUBIC = Gegl.SamplerType.CUBIC
LINEAR = Gegl.SamplerType.LINEAR


@dataclass(frozen=True)
class Block:
    """Pixels of a rectangle.

    Attributes:
        width, height: in pixels
        format: what Babl calls the samples, with their space
        samples: row by row
    """

    width: int
    height: int
    format: str
    samples: bytes


def format_like(name: str, drawable: Gimp.Drawable) -> str:
    """Give the format of a name in a drawable's own space: another one would convert colours."""
    return str(Babl.get_name(Babl.format_with_space(name, drawable.get_format())))


def format_in(name: str, icc: bytes) -> str:
    """Give the format of a name in the space of a profile; none = sRGB.

    Raises:
        Complaint: the profile cannot be used.
    """
    if not icc:
        return name
    try:
        profile = Gimp.ColorProfile.new_from_icc_profile(icc)
        space = profile.get_space(Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC)
    except Exception as error:  # GLib.Error, and TypeError where it gives nothing
        raise Complaint("The result's colour profile cannot be used in GIMP.") from error
    return str(Babl.get_name(Babl.format_with_space(name, space)))


def read(buffer: Optional[Gegl.Buffer], area: Rect, name: str) -> Block:
    """Read a rectangle of a buffer; what lies outside of it is empty.

    Raises:
        Complaint: GIMP gave no buffer.
    """
    buffer = must(buffer, "The layer cannot be read")
    rectangle = Gegl.Rectangle.new(area.x, area.y, area.width, area.height)
    samples = buffer.get(rectangle, 1.0, name, Gegl.AbyssPolicy.NONE)
    return Block(area.width, area.height, name, bytes(samples))


def write(buffer: Gegl.Buffer, block: Block) -> None:
    """Write pixels into a buffer, from its corner on."""
    _set(buffer, block)
    buffer.flush()


def scaled(block: Block, width: int, height: int, sampler: Gegl.SamplerType) -> Block:
    """Give pixels at another size; colours are averaged as light, and by their alpha."""
    if (block.width, block.height) == (width, height):
        return block
    Gegl.init(None)
    source = _buffer(block)
    target = Gegl.Buffer.new(block.format, 0, 0, width, height)
    graph = Gegl.Node()
    begin = _node(graph, "gegl:buffer-source", buffer=source)
    scale = _node(
        graph,
        "gegl:scale-size",
        x=float(width),
        y=float(height),
        sampler=sampler,
        abyss_policy=Gegl.AbyssPolicy.CLAMP,
    )
    end = _node(graph, "gegl:write-buffer", buffer=target)
    begin.link(scale)
    scale.link(end)
    end.process()
    return read(target, Rect(0, 0, width, height), block.format)


def converted(block: Block, name: str) -> Block:
    """Return pixels in another format."""
    Gegl.init(None)
    return read(_buffer(block), Rect(0, 0, block.width, block.height), name)


def multiplied(one: Block, other: Block) -> Block:
    """Give the product of two masks of one size, in the format of the first."""
    Gegl.init(None)
    target = Gegl.Buffer.new(one.format, 0, 0, one.width, one.height)
    graph = Gegl.Node()
    first = _node(graph, "gegl:buffer-source", buffer=_buffer(one))
    second = _node(graph, "gegl:buffer-source", buffer=_buffer(other))
    product = _node(graph, "gegl:multiply")
    end = _node(graph, "gegl:write-buffer", buffer=target)
    first.link(product)
    second.connect_to("output", product, "aux")
    product.link(end)
    end.process()
    return read(target, Rect(0, 0, one.width, one.height), one.format)


def _buffer(block: Block) -> Gegl.Buffer:
    buffer = Gegl.Buffer.new(block.format, 0, 0, block.width, block.height)
    _set(buffer, block)
    return buffer


def _set(buffer: Gegl.Buffer, block: Block) -> None:
    # bytes, and not a bytearray, which takes thirty times as long
    rectangle = Gegl.Rectangle.new(0, 0, block.width, block.height)
    buffer.set(rectangle, block.format, block.samples)


def _node(graph: Gegl.Node, operation: str, **properties: object) -> Gegl.Node:
    node = graph.create_child(operation)
    for name, value in properties.items():
        node.set_property(name.replace("_", "-"), value)
    return node
