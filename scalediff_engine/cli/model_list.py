"""``scalediff models``: which families there are, and which models are on this machine."""

from __future__ import annotations

import json as json_format
import os

from scalediff_engine.base.text import gib
from scalediff_engine.cli import streams
from scalediff_engine.cli.model_report import family_object, model_object
from scalediff_engine.cli.words import one_line
from scalediff_engine.families.registry import FAMILIES, all_forms, facts_of
from scalediff_engine.spec.checkpoint import Checkpoint, Layout
from scalediff_engine.store.folder import title
from scalediff_engine.store.hub_cache import cache_folder
from scalediff_engine.store.locate import cached_models


def show_models(*, json: bool) -> int:
    """Write a line for each family and one for each model in the cache of Hugging Face."""
    found = cached_models(FAMILIES)
    if json:
        for family in all_forms():
            streams.to_stdout(json_format.dumps(family_object(family)))
        for model in found:
            streams.to_stdout(json_format.dumps({**model_object(model), "word": _word(model)}))
        return 0
    width = max(len(family.name) for family in all_forms())
    for family in all_forms():
        streams.to_stdout(f"{family.name:<{width}}  {family.native!s:>9}  {family.title}")
    streams.to_stdout("")
    if not found:
        streams.to_stdout(
            one_line(
                f"There are no models in {cache_folder(os.environ)}. A .safetensors file or a "
                "folder elsewhere works too: `scalediff models FILE` says what it is."
            )
        )
        return 0
    streams.to_stdout(one_line(f"In {cache_folder(os.environ)}, for --model:"))
    for model in found:
        name = facts_of(model).name
        size = gib(model.weight_bytes)
        streams.to_stdout(one_line(f"{name:<{width}}  {size:>9}  {_word(model)}"))
    return 0


def _word(found: Checkpoint) -> str:
    """What ``--model`` takes for it: the hub's name of a folder, or else the path."""
    return title(found.path) if found.layout is Layout.FOLDER else str(found.path)
