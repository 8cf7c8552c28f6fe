"""How a result was made, kept in its file's XMP: written, read, and told with everything else.

Source: XMP specification part 1 (ISO 16684-1), sections 7.3 to 7.9.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import escape

from scalediff_engine.base.geometry import Size
from scalediff_engine.images import colour
from scalediff_engine.images.picture import ColourModel, Depth
from scalediff_engine.images.reader import probe

NAMESPACE = "urn:scalediff:recipe:1.0#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OURS = re.compile(
    r"<rdf:Description[^<>]*xmlns:scalediff=[^<>]*>\s*<scalediff:recipe>[^<]*"
    r"</scalediff:recipe>\s*</rdf:Description>\s*"
)
_CLOSING = re.compile(r"</(?:[\w.-]+:)?RDF\s*>")
_MALFORMED = "The XMP metadata was malformed and was replaced by the recipe alone."
_SHELL = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + _RDF + '">'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


@dataclass(frozen=True)
class Description:
    """Everything that ``scalediff info FILE`` says."""

    format_name: str
    size: Size
    depth: Depth
    model: ColourModel
    has_alpha: bool
    profile_name: str | None
    dpi: tuple[float, float] | None
    recipe: dict[str, Any] | None
    notes: tuple[str, ...]


def describe(path: Path) -> Description:
    """What the file's header says, without decoding a pixel.

    Raises:
        InputError: as :func:`reader.probe`.
    """
    found = probe(path)
    name = None
    if found.icc is not None:
        name = colour.name_of(found.icc) or "unnamed profile"
    return Description(
        format_name=found.format_name,
        size=found.size,
        depth=found.depth,
        model=found.model,
        has_alpha=found.has_alpha,
        profile_name=name,
        dpi=found.dpi,
        recipe=recipe_in(found.xmp),
        notes=found.notes,
    )


def read_recipe(path: Path) -> dict[str, Any] | None:
    """The recipe in the file, or None if there is none.

    Raises:
        InputError: as :func:`reader.probe`.
    """
    return recipe_in(probe(path).xmp)


def recipe_in(xmp: bytes | None) -> dict[str, Any] | None:
    """The recipe in an XMP packet, or None if there is none (or no legible packet)."""
    root = _parsed(_decoded(xmp)) if xmp else None
    if root is None:
        return None
    name = f"{{{NAMESPACE}}}recipe"
    for element in root.iter():
        # Other programs may turn our element into an attribute of its description.
        text = element.text if element.tag == name else element.get(name)
        try:
            value: object = json.loads(text) if text else None
        except ValueError:
            continue
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
    return None


def with_recipe(xmp: bytes | None, recipe: str) -> tuple[bytes, tuple[str, ...]]:
    """The XMP packet with ``recipe`` in it, in place of an earlier one, and notes.

    Args:
        xmp: the packet to add to, or None; everything in it stays as it is, byte for byte, unless
            it is malformed: then only the recipe remains, and the notes say so
        recipe: a JSON object

    Raises:
        ValueError: ``recipe`` is no JSON object.
    """
    value: object = json.loads(recipe)
    if not isinstance(value, dict):
        raise ValueError("a recipe is a JSON object")
    element = (
        f'<rdf:Description xmlns:rdf="{_RDF}" rdf:about="" xmlns:scalediff="{NAMESPACE}">'
        f"<scalediff:recipe>{escape(json.dumps(value))}</scalediff:recipe></rdf:Description>"
    )
    if xmp is None:
        return _inserted(_SHELL, element), ()
    old = _OURS.sub("", _decoded(xmp))
    if _parsed(old) is not None and _CLOSING.search(old):
        merged = _inserted(old, element)
        if recipe_in(merged) == value:
            return merged, ()
    return _inserted(_SHELL, element), (_MALFORMED,)


def alone(xmp: bytes) -> bytes | None:
    """A packet with nothing but the recipe of ``xmp``, or None if there is none."""
    value = recipe_in(xmp)
    return None if value is None else with_recipe(None, json.dumps(value))[0]


def _inserted(packet: str, element: str) -> bytes:
    *_, closing = _CLOSING.finditer(packet)
    return (packet[: closing.start()] + element + packet[closing.start() :]).encode()


def _decoded(xmp: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if xmp.startswith(mark):
            return xmp[2:].decode(encoding, "replace")
    return xmp.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _parsed(packet: str) -> ET.Element | None:
    """The packet's root, or None if it is malformed; entities are refused (they can explode)."""
    if "<!DOCTYPE" in packet or "<!ENTITY" in packet:
        return None
    try:
        return ET.fromstring(packet.strip("\0 \t\r\n\ufeff"))  # noqa: S314 - no entities in it
    except (ET.ParseError, ValueError):
        return None
