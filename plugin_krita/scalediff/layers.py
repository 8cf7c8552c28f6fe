"""Finding layers and documents again: what was true at the click may not be any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from .api import Application, Document, Edges, Node
from .plugin_common.placement import Rect, SourcePlace

_MASKS = ("transparencymask", "filtermask", "transformmask", "selectionmask", "colorizemask")


def id_of(node: Node) -> str:
    """Give what a layer is known by, also after its document was saved and opened again."""
    return node.uniqueId().toString().strip("{}")


def is_mask(node: Node) -> bool:
    """Whether it hangs on a layer and has no picture of its own."""
    return node.type() in _MASKS


def owner_of(node: Node) -> Node:
    """Give the layer that a mask hangs on; a layer is its own."""
    parent = node.parentNode()
    return owner_of(parent) if is_mask(node) and parent is not None else node


def is_open(app: Application, document: Document) -> bool:
    """Whether a document has not been closed."""
    return any(document == one for one in app.documents())


def find(document: Document, layer: str) -> Optional[Node]:
    """Give the layer of an id; none if it has gone."""
    root = document.rootNode()
    found = (node for node in _below(root) if id_of(node) == layer) if root is not None else ()
    return next(iter(found), None)


def edges_of(edges: Edges) -> Rect:
    """Return a rectangle of Qt; an invalid one is empty."""
    return Rect(edges.x(), edges.y(), max(0, edges.width()), max(0, edges.height()))


def source_place(document: Document, layer: Optional[Node]) -> SourcePlace:
    """Return where a layer is now; none = the visible image."""
    canvas = document.width(), document.height()
    if layer is None:
        return SourcePlace(canvas)
    at = layer.position()
    return SourcePlace(canvas, edges_of(layer.bounds()), (at.x(), at.y()))


def has_masks(layer: Node) -> bool:
    """Whether masks change how a layer looks."""
    return any(is_mask(one) for one in layer.childNodes())


def place_above(document: Document, layer: Optional[Node]) -> tuple[Node, Optional[Node]]:
    """Give the group that a new layer goes into, and the one right below it there.

    Nothing goes into a locked group: it goes above the group.

    Args:
        document: that it goes into
        layer: the one that it goes above; none = all
    """
    root = document.rootNode()
    assert root is not None, "the document is open"
    if layer is None:
        layers = [node for node in root.childNodes() if not is_mask(node)]
        return root, layers[-1] if layers else None  # the selection hangs there as a mask
    below, group = layer, layer.parentNode()
    while group is not None:
        if group.locked():
            below = group
        group = group.parentNode()
    parent = below.parentNode()
    return (root if parent is None else parent), below


def _below(node: Node) -> Iterator[Node]:
    for child in node.childNodes():
        yield child
        yield from _below(child)
