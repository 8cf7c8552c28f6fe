"""What scenarios have in common."""

from __future__ import annotations

from stage import names, pixels, rect

SCENARIOS = {}


def scenario(function):
    """Have a function run, by its name."""
    SCENARIOS[function.__name__] = function
    return function


def undo(stage, document):
    stage.act("edit_undo")
    yield from stage.settle(document)


def redo(stage, document):
    stage.act("edit_redo")
    yield from stage.settle(document)


def same_samples(node, result, x, y) -> None:
    """A layer holds a result of the engine, byte for byte."""
    header = result.header
    assert rect(node) == (x, y, header.width, header.height), rect(node)
    assert pixels(node, *rect(node)) == bytes(result.samples), "other pixels"


def the_layer(document, name):
    found = [node for node in document.topLevelNodes() if node.name() == name]
    assert len(found) == 1, names(document)
    return found[0]
