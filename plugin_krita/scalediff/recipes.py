"""Recipes of layers, kept in their document as annotations, by the layer's id."""

from __future__ import annotations

from typing import Optional

from .api import Document, Node
from .layers import id_of
from .plugin_common.recipe import NAME, LayerRecipe, read_recipe, write_recipe

_DESCRIPTION = "How ScaleDiff made a layer"


def keep_recipe(document: Document, node: Node, recipe: LayerRecipe) -> None:
    """Put the recipe of a layer into its document, unless no metadata are wanted."""
    if recipe.settings.strip:
        return
    document.setAnnotation(_key(node), _DESCRIPTION, write_recipe(recipe).encode())


def recipe_of(document: Document, node: Node) -> Optional[LayerRecipe]:
    """Give how a layer was made; none if it was not made here, or is a copy of one that was."""
    held = bytes(document.annotation(_key(node)))
    return read_recipe(held.decode("utf-8", "replace"))


def _key(node: Node) -> str:
    return f"{NAME}-{id_of(node)}"
