"""Puts results into an image: all of them or none, in one step of undo."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Optional

from gi.repository import Gimp

from . import gegl
from .checked import Complaint, Halfway, must
from .gegl import Block
from .plugin_common.placement import Canvas, Placement, Rect
from .plugin_common.recipe import NAME
from .results import Result, places
from .taking import has_effects


@dataclass(frozen=True)
class Inserted:
    """What there is now.

    Attributes:
        image: that holds the layers
        layers: in the order of the results
        is_new: whether the image is
        keeps_recipes: whether they were to be kept
    """

    image: Gimp.Image
    layers: list[Gimp.Layer]
    is_new: bool = False
    keeps_recipes: bool = True

    @property
    def has_recipes(self) -> bool:
        """Whether all layers keep how they were made, as far as they are to."""
        return not self.keeps_recipes or all(
            layer.get_parasite(NAME) is not None for layer in self.layers
        )


def insert(image: Gimp.Image, results: Sequence[Result], canvas: Canvas) -> Inserted:
    """Put results above what they were made of, or into an image of their own.

    Args:
        image: that they were taken from
        results: one or more
        canvas: what becomes of the image

    Raises:
        Complaint: GIMP refuses; nothing was inserted then.
        Halfway: as before, but the image was converted or scaled, which one undo takes back.
    """
    document = (image.get_width(), image.get_height())
    found = places(list(results), document, canvas)
    if canvas is Canvas.NEW:
        return _into_new(image, results, found)
    before = _state(image)
    must(image.undo_group_start(), "The layer could not be inserted")
    try:
        layers = _into(image, results, found)
    except Complaint as reason:
        if _state(image) == before:
            raise
        raise Halfway(reason) from reason  # a plug-in cannot undo
    finally:
        image.undo_group_end()
    return Inserted(image, layers, keeps_recipes=_keep_recipes(results))


def new_image(result: Result) -> Inserted:
    """Give a result of an image that nobody knows an image of its own.

    Raises:
        Complaint: GIMP refuses.
    """
    pixels = result.pixels
    precision = _PRECISIONS[pixels.format.partition("-")[0].partition(" ")[2]]
    kind = Gimp.ImageBaseType.GRAY if result.is_grey else Gimp.ImageBaseType.RGB
    image = must(
        Gimp.Image.new_with_precision(pixels.width, pixels.height, kind, precision),
        "The new image could not be made",
    )
    with _deleted_on_failure(image), _without_undo(image):
        if result.icc:
            profile = Gimp.ColorProfile.new_from_icc_profile(result.icc)
            must(image.set_color_profile(profile), "The new image could not have the profile")
        layer = _layer(image, result, Rect(0, 0, pixels.width, pixels.height))
        must(image.insert_layer(layer, None, 0), "The layer could not be inserted")
    return Inserted(image, [layer], True, _keep_recipes([result]))


def _into(image: Gimp.Image, results: Sequence[Result], found: Sequence[Placement]) -> list[Any]:
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        must(image.convert_rgb(), "The image could not be converted to RGB")
    # whatever can fail is done before the image changes
    layers: list[Gimp.Layer] = []
    inserted: list[Gimp.Layer] = []
    hidden: list[Gimp.Layer] = []
    try:
        for result, at in zip(results, found):
            layers.append(_layer(image, result, at.layer))
        scaled = found[0].scaled
        if scaled is not None:
            _try_out(image, results[0])
            _scale(image, scaled)
        # from the bottom up, so that one does not move the place of another
        for result, layer in reversed(list(zip(results, layers))):
            parent, position = _above(image, result.layer)
            must(image.insert_layer(layer, parent, position), "The layer could not be inserted")
            inserted.append(layer)
        for source in _doubled(image, results):
            must(source.set_visible(False), "The source could not be hidden")
            hidden.append(source)
        _grow(image, [at.canvas for at in found])
    except BaseException:
        _take_back(image, inserted, hidden)
        raise
    finally:
        for layer in layers:
            if layer not in inserted and layer.is_valid():
                layer.delete()
    return layers


def _into_new(image: Gimp.Image, results: Sequence[Result], found: Sequence[Placement]) -> Inserted:
    canvas = found[0].canvas
    kind = image.get_base_type()
    if kind == Gimp.ImageBaseType.INDEXED:
        kind = Gimp.ImageBaseType.RGB
    made = must(
        Gimp.Image.new_with_precision(canvas.width, canvas.height, kind, image.get_precision()),
        "The new image could not be made",
    )
    with _deleted_on_failure(made), _without_undo(made):
        profile = image.get_color_profile()
        if profile is not None:
            must(made.set_color_profile(profile), "The new image could not have the profile")
        told, wide, high = image.get_resolution()
        if told:
            must(made.set_resolution(wide, high), "The new image could not have the resolution")
        layers: list[Gimp.Layer] = []
        for result, at in zip(results, found):
            layer = _layer(made, result, at.layer)
            must(made.insert_layer(layer, None, len(layers)), "The layer could not be inserted")
            layers.append(layer)
    return Inserted(made, layers, True, _keep_recipes(results))


def _take_back(image: Gimp.Image, inserted: Sequence[Any], hidden: Sequence[Any]) -> None:
    for source in hidden:
        source.set_visible(True)
    for layer in inserted:
        image.remove_layer(layer)


def _doubled(image: Gimp.Image, results: Sequence[Result]) -> list[Any]:
    """Return the sources that would have their effect twice if they showed below their results.

    A source of which a part was taken stays: the rest of it would be missing.
    """
    found: list[Gimp.Layer] = []
    for result in results:
        source = result.layer
        if source is None or not source.is_valid() or source.get_image() != image:
            continue
        is_plain = source.get_mode() in _NORMAL_MODES and source.get_opacity() >= _OPAQUE_PERCENT
        if result.is_whole and source.get_visible() and (not is_plain or has_effects(source)):
            found.append(source)
    return found


def _state(image: Gimp.Image) -> tuple[Any, ...]:
    return image.get_base_type(), image.get_width(), image.get_height()


def _layer(image: Gimp.Image, result: Result, at: Rect) -> Any:
    """Make a layer with all that it has, except a place among the others."""
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    if grey:
        kind = Gimp.ImageType.GRAYA_IMAGE if result.has_alpha else Gimp.ImageType.GRAY_IMAGE
    else:
        kind = Gimp.ImageType.RGBA_IMAGE if result.has_alpha else Gimp.ImageType.RGB_IMAGE
    opacity, mode = 100.0, Gimp.LayerMode.NORMAL
    source = result.layer if result.blends_as_source else None
    if source is not None and not source.is_valid():
        source = None
    if source is not None:
        opacity, mode = source.get_opacity(), source.get_mode()
    if mode == Gimp.LayerMode.PASS_THROUGH:  # which groups alone can have
        mode = Gimp.LayerMode.NORMAL
    layer = must(
        Gimp.Layer.new(image, result.name, at.width, at.height, kind, opacity, mode),
        "The new layer could not be made",
    )
    try:
        if source is not None and mode == source.get_mode():
            _blend_as(layer, source)
        _fill(layer, result, at)
    except BaseException:
        layer.delete()
        raise
    return layer


def _fill(layer: Gimp.Layer, result: Result, at: Rect) -> None:
    buffer = must(layer.get_buffer(), "The new layer could not be filled")
    gegl.write(buffer, result.pixels)
    must(layer.update(0, 0, at.width, at.height), "The new layer could not be filled")
    must(layer.set_offsets(at.x, at.y), "The new layer could not be put into its place")
    if result.mask is not None:
        _put_mask(layer, gegl.scaled(result.mask, at.width, at.height, gegl.LINEAR))
    _keep_recipe(layer, result.recipe)


def _blend_as(layer: Gimp.Layer, source: Gimp.Layer) -> None:
    """Give a layer the blending of another one of the same mode."""
    deed = "The new layer could not be made"
    if layer.get_blend_space() != source.get_blend_space():
        must(layer.set_blend_space(source.get_blend_space()), deed)
    if layer.get_composite_space() != source.get_composite_space():
        must(layer.set_composite_space(source.get_composite_space()), deed)
    if layer.get_composite_mode() != source.get_composite_mode():
        must(layer.set_composite_mode(source.get_composite_mode()), deed)


def _keep_recipes(results: Sequence[Result]) -> bool:
    return all(result.recipe for result in results)


def _keep_recipe(layer: Gimp.Layer, recipe: str) -> None:
    """Save a recipe with a layer. A layer without one is better than none."""
    if not recipe:
        return
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    try:
        layer.attach_parasite(Gimp.Parasite.new(NAME, flags, recipe.encode("ascii")))
    except Exception:  # noqa: BLE001 - whatever the bindings do not like in it
        traceback.print_exc()


def _put_mask(layer: Gimp.Layer, mask: Block) -> None:
    made = must(layer.create_mask(Gimp.AddMaskType.WHITE), "The mask could not be made")
    must(layer.add_mask(made), "The mask could not be added")
    gegl.write(must(made.get_buffer(), "The mask could not be filled"), mask)
    must(made.update(0, 0, mask.width, mask.height), "The mask could not be filled")
    # the picture is what will be painted on, not the mask
    must(layer.set_edit_mask(False), "The mask could not be added")


def _above(image: Gimp.Image, source: Optional[Gimp.Layer]) -> tuple[Optional[Any], int]:
    """Give the group and the position above a layer; on top of all if it is gone."""
    if source is None or not source.is_valid() or source.get_image() != image:
        return None, 0
    position = image.get_item_position(source)
    return source.get_parent(), max(0, position)


def _try_out(image: Gimp.Image, result: Result) -> None:
    """Insert a layer of one pixel and take it out again.

    What fails, fails before the image is scaled, which cannot be taken back from here.
    """
    probe = must(
        Gimp.Layer.new(image, result.name, 1, 1, _kind_of(image), 100.0, Gimp.LayerMode.NORMAL),
        "The new layer could not be made",
    )
    parent, position = _above(image, result.layer)
    try:
        must(image.insert_layer(probe, parent, position), "The layer could not be inserted")
    except Complaint:
        probe.delete()
        raise
    must(image.remove_layer(probe), "The layer could not be inserted")


def _kind_of(image: Gimp.Image) -> Any:
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    return Gimp.ImageType.GRAYA_IMAGE if grey else Gimp.ImageType.RGBA_IMAGE


def _scale(image: Gimp.Image, size: tuple[int, int]) -> None:
    Gimp.context_push()
    try:
        Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)
        must(image.scale(*size), "The image could not be scaled")
    finally:
        Gimp.context_pop()


def _grow(image: Gimp.Image, canvases: Sequence[Rect]) -> None:
    """Make the canvas as large as all need; what is in the image moves with it."""
    left, top = min(c.x for c in canvases), min(c.y for c in canvases)
    width = max(c.x + c.width for c in canvases) - left
    height = max(c.y + c.height for c in canvases) - top
    if (left, top, width, height) != (0, 0, image.get_width(), image.get_height()):
        must(image.resize(width, height, -left, -top), "The canvas could not be grown")


@contextmanager
def _deleted_on_failure(image: Gimp.Image) -> Generator[None, None, None]:
    try:
        yield
    except BaseException:
        image.delete()
        raise


@contextmanager
def _without_undo(image: Gimp.Image) -> Generator[None, None, None]:
    """Nobody wants to undo the making of an image."""
    image.undo_disable()
    try:
        yield
    finally:
        if image.is_valid():
            image.undo_enable()


_OPAQUE_PERCENT = 100.0
_NORMAL_MODES = (
    Gimp.LayerMode.NORMAL,
    Gimp.LayerMode.NORMAL_LEGACY,
    Gimp.LayerMode.PASS_THROUGH,
)
_P = Gimp.Precision
# A profile describes the samples of a result, so its curve is always that of the profile.
_PRECISIONS = {
    "u8": _P.U8_NON_LINEAR,
    "u16": _P.U16_NON_LINEAR,
    "u32": _P.U32_NON_LINEAR,
    "half": _P.HALF_NON_LINEAR,
    "float": _P.FLOAT_NON_LINEAR,
    "double": _P.DOUBLE_NON_LINEAR,
}
