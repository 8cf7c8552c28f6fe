"""A result as GIMP needs it: samples, what they are, and where they go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional

from gi.repository import Gimp

from . import gegl
from .checked import Complaint
from .formats import encoding_of, in_rgb_order
from .gegl import Block
from .plugin_common.errand import Fetched
from .plugin_common.placement import Canvas, Placement, Rect, factor_text, place
from .plugin_common.recipe import recipe_of, write_recipe
from .taking import Taken


@dataclass(frozen=True)
class Result:
    """A result before it has a place.

    Attributes:
        pixels: of it
        has_alpha: whether its layer has an alpha channel
        is_grey: whether it has one channel besides
        name: of its layer
        area: what it was made of, in the image
        mask: of its source, at the source's size
        layer: its source; none = the visible image, or not known
        recipe: how it was made; empty = it is not to be kept
        icc: describes the pixels; empty = sRGB
        blends_as_source: whether mode and opacity are those of the source
        is_whole: whether it was made of all of its source
    """

    pixels: Block
    has_alpha: bool
    is_grey: bool
    name: str
    area: Rect
    mask: Optional[Block]
    layer: Optional[Gimp.Layer]
    recipe: str
    icc: bytes
    blends_as_source: bool = True
    is_whole: bool = False


def result_of(taken: Taken, fetched: Fetched, canvas: Canvas, say: Callable[..., str]) -> Result:
    """Give the result of something that was taken."""
    found = _result(fetched, taken.format, taken.area, taken.material.title)
    if canvas is Canvas.IN_PLACE:
        area = taken.area
        small = gegl.scaled(found.pixels, area.width, area.height, gegl.CUBIC)
        name = say("{name} in place", name=taken.material.title)
        found = replace(found, pixels=small, name=name)
    return replace(found, mask=taken.mask, layer=taken.layer, is_whole=taken.is_whole)


def recent_result(fetched: Fetched) -> Result:
    """Give a result of which only the engine knows where it came from.

    Raises:
        Complaint: GIMP has no such layers.
    """
    pixels, job = fetched.pixels, fetched.job
    try:
        name = encoding_of(pixels.header).babl_name
    except ValueError as error:
        raise Complaint("This result cannot be a layer. {error}", error=error) from error
    area = Rect(0, 0, job.source_width, job.source_height)
    return _result(fetched, gegl.format_in(name, pixels.icc), area, job.title)


def places(results: list[Result], document: tuple[int, int], canvas: Canvas) -> list[Placement]:
    """Find where results of one run go; in a new image they lie to each other as they did.

    Args:
        results: one or more
        document: size of the image that they were taken from
        canvas: what becomes of it
    """
    if canvas is not Canvas.NEW:
        return [
            place(each.area, each.pixels.width, each.pixels.height, document, canvas)
            for each in results
        ]
    left = min(each.area.x for each in results)
    top = min(each.area.y for each in results)
    rects = [_from_corner(each, left, top) for each in results]
    width = max(rect.x + rect.width for rect in rects)
    height = max(rect.y + rect.height for rect in rects)
    return [Placement(rect, Rect(0, 0, width, height)) for rect in rects]


def _from_corner(result: Result, left: int, top: int) -> Rect:
    wide, high = result.pixels.width, result.pixels.height
    x = round((result.area.x - left) * wide / result.area.width)
    y = round((result.area.y - top) * high / result.area.height)
    return Rect(x, y, wide, high)


def _result(fetched: Fetched, format_name: str, area: Rect, title: str) -> Result:
    header = fetched.pixels.header
    samples = in_rgb_order(header, fetched.pixels.samples)
    return Result(
        pixels=Block(header.width, header.height, format_name, samples),
        has_alpha=header.alpha != "none",
        is_grey=header.model == "grey",
        name=f"{title} {factor_text(area, header.width, header.height)}",
        area=area,
        mask=None,
        layer=None,
        recipe=""
        if fetched.job.settings.strip
        else write_recipe(recipe_of(fetched.job, title, area)),
        icc=fetched.pixels.icc,
    )
