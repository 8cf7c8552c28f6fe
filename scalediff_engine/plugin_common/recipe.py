"""How a layer was made, kept with it as text: enough to make it again, or with one change."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Optional

from ..client import codec
from ..client.messages import JobInfo, UpscaleSettings
from .placement import Canvas, Rect, SourcePlace

# Of the parasite or annotation that holds it.
NAME = "scalediff-recipe"
_VERSION = 1


@dataclass(frozen=True)
class LayerRecipe:
    """How a layer was made.

    Attributes:
        settings: of the upscale
        source: name of the layer that it was made of, as far as it is known
        area: what was upscaled, in the document as it was then
        made: what the engine tells of it: model, stages, versions
        source_id: what the editor knows that layer by; empty = it was the visible image
        canvas: what became of the document
        place: where that layer was then; none = unknown
        is_whole: all of that layer was upscaled, not a selected part
    """

    settings: UpscaleSettings
    source: str
    area: Rect
    made: dict[str, Any]
    source_id: str = ""
    canvas: Canvas = Canvas.KEEP
    place: Optional[SourcePlace] = None
    is_whole: bool = False


def recipe_of(
    job: JobInfo, source: str, area: Rect, source_id: str = "", canvas: Canvas = Canvas.KEEP
) -> LayerRecipe:
    """Give the recipe of a job that is done."""
    made = json.loads(job.recipe) if job.recipe else {}
    return LayerRecipe(job.settings, source, area, made, source_id, canvas)


def write_recipe(recipe: LayerRecipe) -> str:
    """Give a recipe as JSON in ASCII: GIMP's parasites take no byte above 127."""
    return json.dumps(
        {
            "scalediff": _VERSION,
            "settings": json.loads(codec.dumps(recipe.settings)),
            "source": recipe.source,
            "area": dataclasses.asdict(recipe.area),
            "made": recipe.made,
            "source_id": recipe.source_id,
            "canvas": recipe.canvas.value,
            "place": None if recipe.place is None else dataclasses.asdict(recipe.place),
            "is_whole": recipe.is_whole,
        },
        sort_keys=True,
    )


def read_recipe(text: str) -> Optional[LayerRecipe]:
    """Give the recipe that a text holds; none if it holds none that can be used."""
    try:
        held = json.loads(text)
        if held["scalediff"] != _VERSION:
            return None
        settings = codec.loads(UpscaleSettings, json.dumps(held["settings"]).encode())
        return LayerRecipe(
            settings,
            str(held["source"]),
            _rect(held["area"]),
            dict(held["made"]),
            str(held.get("source_id", "")),
            Canvas(held.get("canvas", Canvas.KEEP.value)),
            _place(held.get("place")),
            bool(held.get("is_whole", False)),
        )
    except (ValueError, KeyError, TypeError, codec.Malformed):
        return None


def _place(held: Optional[dict[str, Any]]) -> Optional[SourcePlace]:
    if held is None:
        return None
    (width, height), (x, y) = held["canvas"], held["position"]
    bounds = None if held["bounds"] is None else _rect(held["bounds"])
    return SourcePlace((int(width), int(height)), bounds, (int(x), int(y)))


def _rect(held: dict[str, Any]) -> Rect:
    return Rect(*(int(held[key]) for key in ("x", "y", "width", "height")))
