"""``scalediff models``: which families there are."""

from __future__ import annotations

import json as json_format

from scalediff_engine.cli import streams
from scalediff_engine.models.families import FAMILIES


def show_models(*, json: bool) -> int:
    """Write a line for each family: name, native size, title."""
    width = max(len(family.name) for family in FAMILIES)
    for family in FAMILIES:
        if json:
            shown = {"name": family.name, "title": family.title, "native": list(family.native)}
            streams.to_stdout(json_format.dumps(shown))
        else:
            streams.to_stdout(f"{family.name:<{width}}  {family.native!s:>9}  {family.title}")
    return 0
