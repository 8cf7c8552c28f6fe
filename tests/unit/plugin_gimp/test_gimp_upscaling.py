"""Results go where their sources are now, and are never lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fake_gimp import CALLS, MADE, PROGRESS, Image, Layer
from scalediff_gimp import plugin, procedures, upscaling
from scalediff_gimp.checked import Complaint
from scalediff_gimp.client.messages import UpscaleSettings
from scalediff_gimp.client.pixels import PixelHeader
from scalediff_gimp.gegl import Block
from scalediff_gimp.plugin_common.errand import Material
from scalediff_gimp.plugin_common.placement import Canvas, Rect
from scalediff_gimp.plugin_common.words import Words
from scalediff_gimp.results import Result
from scalediff_gimp.status_bar import StatusBar
from scalediff_gimp.taking import Taken, place_of
from scalediff_gimp.upscaling import Call, Outcome
from scalediff_gimp.wishes import Wishes

NAME = "Couche d'été"


class Case:
    """An image of which something was taken: a part of its layer, or what is seen."""

    def __init__(self, *, visible: bool = False) -> None:
        CALLS.reset()
        MADE.clear()
        self.image = Image()
        self.layer = Layer(self.image, NAME, 20, 16)
        self.layer.at = (5, 6)
        self.image.layers = [self.layer]
        source = None if visible else self.layer
        material = Material(PixelHeader(10, 8, "rgb", "u8"), b"", title=NAME)
        area, place = Rect(7, 8, 10, 8), place_of(self.image, source)
        self.taken = Taken(material, area, "R'G'B' u8", place, None, source)
        pixels = Block(20, 16, "R'G'B' u8", bytes(20 * 16 * 3))
        self.result = Result(pixels, False, False, "made", area, None, source, "{}", b"")

    def inserted(self, canvas: Canvas, *, with_dialogs: bool = True) -> Outcome:
        bar, say = StatusBar("at work"), Words("en")
        connect: Any = None
        call = Call(self.image, [], say, connect, bar, with_dialogs=with_dialogs)
        wishes = Wishes(UpscaleSettings(), canvas)
        return upscaling._insert(call, [self.taken], [self.result], wishes, was_indexed=False)


def test_a_result_follows_a_layer_that_was_moved() -> None:
    case = Case()
    case.layer.at = (1, 26)
    outcome = case.inserted(Canvas.KEEP)
    assert outcome.inserted.layers[0].at == (3, 28)
    assert (outcome.notes, case.image.layers[1]) == ((), case.layer)


def test_a_result_follows_a_layer_whose_canvas_has_grown() -> None:
    case = Case()
    case.image.width, case.image.height, case.layer.at = 80, 60, (25, 21)
    outcome = case.inserted(Canvas.SCALE)
    assert (case.image.width, case.image.height) == (160, 120)
    assert outcome.inserted.layers[0].at == (54, 46)


@pytest.mark.parametrize("canvas", [Canvas.KEEP, Canvas.GROW, Canvas.SCALE, Canvas.IN_PLACE])
@pytest.mark.parametrize("visible", [True, False])
def test_of_an_image_that_was_scaled_the_result_is_a_new_image(
    canvas: Canvas, visible: bool
) -> None:
    case = Case(visible=visible)
    case.image.width, case.image.height = 80, 60
    case.layer.width, case.layer.height = 40, 32
    outcome = case.inserted(canvas)
    assert outcome.inserted.is_new
    assert (case.image.layers, case.image.width) == ([case.layer], 80)
    (note,) = outcome.notes
    assert NAME in note
    assert "new image" in note


def test_of_a_layer_that_was_scaled_the_result_is_a_new_image() -> None:
    case = Case()
    case.layer.at, case.layer.width, case.layer.height = (0, 0), 40, 30
    assert case.inserted(Canvas.KEEP).inserted.is_new


def test_a_result_of_a_layer_that_is_gone_stays_in_its_place() -> None:
    case = Case()
    case.image.layers = []
    case.layer.valid = False
    assert case.inserted(Canvas.KEEP).inserted.layers[0].at == (7, 8)


def test_what_cannot_be_inserted_becomes_a_new_image_where_the_user_sees_it() -> None:
    Case().inserted(Canvas.KEEP)
    refused = CALLS.made.index("insert_layer")
    case = Case()
    CALLS.reset(refused)
    outcome = case.inserted(Canvas.KEEP)
    assert outcome.inserted.is_new
    assert case.image.layers == [case.layer]
    assert outcome.notes == (
        "The layer could not be inserted: No room for it. The result is in a new image.",
    )
    case = Case()
    CALLS.reset(refused)
    with pytest.raises(Complaint, match="could not be inserted"):
        case.inserted(Canvas.KEEP, with_dialogs=False)


def test_a_recipe_that_is_not_saved_is_said() -> None:
    Case().inserted(Canvas.KEEP)
    refused = CALLS.made.index("attach_parasite")
    case = Case()
    CALLS.reset(refused)
    assert case.inserted(Canvas.KEEP).notes == (
        "The new layer is complete, but its recipe could not be saved.",
    )


class _BegunError(Exception):
    pass


@pytest.mark.parametrize("name", procedures.ALL)
def test_every_call_begins_with_a_sign_of_life(name: str) -> None:
    PROGRESS.clear()

    def first_deed() -> Any:
        assert PROGRESS == ["Starting ScaleDiff..."]
        raise _BegunError

    procedure = SimpleNamespace(get_name=lambda: name, get_plug_in=first_deed)
    with pytest.raises(_BegunError):
        plugin._run(procedure, "interactive", None, [], None, Words("en"))
