"""Where results went last, kept in a file of the user's own."""

from __future__ import annotations

from pathlib import Path

from scalediff_engine.base.settings import fields_of, load_json, save_if_possible, text
from scalediff_engine.batch.naming import Destination, Place
from scalediff_engine.client.batches import Existing
from scalediff_engine.images.formats import Format


def destination_file(home: Path) -> Path:
    """Say where it is kept."""
    return home / "dialog" / "folder.json"


def load_destination(file: Path) -> Destination:
    """Read it; whatever makes no sense is as if it had never been.

    That results are replaced is never remembered: who wants that says so each time.
    """
    usual = Destination()
    fields = fields_of(load_json(file))
    places = {place.value: place for place in Place}
    quality = fields.get("quality")
    form = fields.get("format")
    existing = fields.get("existing")
    return Destination(
        place=places.get(str(fields.get("place")), usual.place),
        subfolder=text(fields, "subfolder", usual.subfolder),
        folder=text(fields, "folder"),
        pattern=text(fields, "pattern", usual.pattern),
        format=next((known for known in Format if known.value == form), None),
        quality=quality if type(quality) is int and 1 <= quality <= 100 else None,
        existing=Existing.KEEP if existing == Existing.KEEP.value else usual.existing,
    )


def save_destination(chosen: Destination, file: Path) -> None:
    """Write it; the file appears whole. A full disk costs the memory and nothing else."""
    fields = {
        "place": chosen.place.value,
        "subfolder": chosen.subfolder,
        "folder": chosen.folder,
        "pattern": chosen.pattern,
        "format": chosen.format and chosen.format.value,
        "quality": chosen.quality,
        "existing": chosen.existing.value,
    }
    save_if_possible(file, fields)
