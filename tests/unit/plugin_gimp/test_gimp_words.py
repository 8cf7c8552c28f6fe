"""Every sentence of the plug-in has its German."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from scalediff_engine.plugin_common.german import GERMAN

PLUGIN = Path(__file__).parents[3] / "plugin_gimp" / "scalediff" / "scalediff_gimp"
# Calls whose text is shown: translated at once, or where the error is told.
SAYING = {"say": 0, "must": 1, "Complaint": 0}
TABLES = {"_CANVASES", "_PRESETS", "_SOURCES"}


def texts() -> Iterator[str]:
    for file in PLUGIN.glob("*.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _of_call(node)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if node.targets[0].id in TABLES:
                    yield from (text for text in _constants(node.value) if text[0].isupper())
                elif node.targets[0].id in ("PHASES", "text", "deed", "_TAKE_BACK"):
                    yield from _constants(node.value)


def _of_call(node: ast.Call) -> Iterator[str]:
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name in SAYING and len(node.args) > SAYING[name]:
        text = node.args[SAYING[name]]
        if isinstance(text, ast.Constant):
            yield text.value
    elif name == "Description":
        yield from (
            arg.value
            for arg in node.args
            if isinstance(arg, ast.Constant)
            if arg.value is not True and arg.value
        )


def _constants(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def test_every_sentence_has_its_german() -> None:
    found = set(texts())
    assert len(found) > 90
    assert sorted(found - set(GERMAN)) == []
