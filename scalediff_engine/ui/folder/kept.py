"""Where results went last, kept in a file of the user's own."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from scalediff_engine.client.batches import Existing
from scalediff_engine.client.places import make_private
from scalediff_engine.ui.folder.destination import Destination, Place
from scalediff_engine.ui.folder.formats import WRITTEN

_log = logging.getLogger(__name__)


def file_in(home: Path) -> Path:
    """Say where it is kept."""
    return home / "dialog" / "folder.json"


def load(file: Path) -> Destination:
    """Read it; whatever makes no sense is as if it had never been.

    That results are replaced is never remembered: who wants that says so each time.
    """
    usual = Destination()
    try:
        found: Any = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return usual
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    places = {place.value: place for place in Place}
    quality = fields.get("quality")
    form = fields.get("format")
    existing = fields.get("existing")
    return Destination(
        place=places.get(str(fields.get("place")), usual.place),
        subfolder=_text(fields, "subfolder") or usual.subfolder,
        folder=_text(fields, "folder"),
        pattern=_text(fields, "pattern") or usual.pattern,
        format=form if form in WRITTEN else None,
        quality=quality if type(quality) is int and 1 <= quality <= 100 else None,
        existing=Existing.KEEP if existing == Existing.KEEP.value else usual.existing,
    )


def save(chosen: Destination, file: Path) -> None:
    """Write it; the file appears whole. A full disk costs the memory and nothing else."""
    fields = {
        "place": chosen.place.value,
        "subfolder": chosen.subfolder,
        "folder": chosen.folder,
        "pattern": chosen.pattern,
        "format": chosen.format,
        "quality": chosen.quality,
        "existing": chosen.existing.value,
    }
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        make_private(file.parent)
        draft.write_text(json.dumps(fields, indent=1), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        _log.warning("The destination cannot be kept: %s", error)
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
