"""The procedures: their names, menus and documentation, and which arguments each has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import arguments

MENU = "<Image>/Filters/ScaleDiff"
IN_PLACE_SCALE = 2.0


@dataclass(frozen=True)
class Description:
    """A procedure as GIMP shows it.

    Attributes:
        label: in the menu
        blurb: what it does, in a sentence
        help: more about it, for the procedure browser
        needs_image: whether it makes no sense without one
        add_arguments: adds what it can be told
    """

    label: str
    blurb: str
    help: str
    needs_image: bool
    add_arguments: Callable[[Any, arguments.Say], None]


def _of_upscale(procedure: Any, say: arguments.Say) -> None:
    arguments.add_settings(procedure, say, 4.0)
    arguments.add_placing(procedure, say, with_source=True)
    arguments.add_conversion(procedure, say)


def _of_visible(procedure: Any, say: arguments.Say) -> None:
    arguments.add_settings(procedure, say, 4.0)
    arguments.add_placing(procedure, say, with_source=False)
    arguments.add_conversion(procedure, say)


def _of_in_place(procedure: Any, say: arguments.Say) -> None:
    arguments.add_settings(procedure, say, IN_PLACE_SCALE)
    arguments.add_conversion(procedure, say)


UPSCALE = "scalediff-upscale"
VISIBLE = "scalediff-upscale-visible"
IN_PLACE = "scalediff-upscale-in-place"
REPEAT = "scalediff-repeat"
RECENT = "scalediff-recent"

ALL = {
    UPSCALE: Description(
        "Upscale with ScaleDiff...",
        "Upscale the selected layers with a diffusion model, locked to their source",
        "Enlarges the given layers, each as far as it is selected, and puts each result as a new "
        "layer above its source, in the image's precision and profile, with a soft selection as "
        "its mask. Interactively it opens a dialog. Otherwise it works without one, by its "
        "arguments. Without layers the visible image is taken. Everything is one step of undo.",
        True,
        _of_upscale,
    ),
    VISIBLE: Description(
        "Upscale Visible Image with ScaleDiff...",
        "Upscale the image as it is seen",
        "As scalediff-upscale with the source 'visible'. The new layer lies on top.",
        True,
        _of_visible,
    ),
    IN_PLACE: Description(
        "Upscale Selection in Place...",
        "Give what is selected more detail at the same size",
        "Upscales the given layers as far as they are selected, scales the results back to the "
        "size of their sources and puts them as new layers over them. The result is not locked "
        "to its source, as it would be the same again otherwise.",
        True,
        _of_in_place,
    ),
    REPEAT: Description(
        "Repeat Last Upscale",
        "Upscale with the settings that were used last, without a dialog",
        "Does again what was accepted in a dialog last, with its settings and its canvas: to the "
        "given layers, to the visible image, or in place. Fails if there was nothing.",
        True,
        arguments.add_conversion,
    ),
    RECENT: Description(
        "Insert Recent Result...",
        "Insert a result of the last day as a new layer",
        "Opens a dialog with the results of the last day, such as those that went on in the "
        "background, and inserts the one that is picked above the selected layer. Without an "
        "image it makes one. It needs the user and cannot run without a dialog.",
        False,
        arguments.add_conversion,
    ),
}
