"""Krita 6 has Qt 6 and PyQt6, where enums are scoped and what was deprecated has gone."""

from __future__ import annotations

import ast
import enum
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLUGIN = HERE.parents[2] / "plugin_krita" / "scalediff"
OWN = sorted(PLUGIN.glob("*.py"))
# of Qt 5 or Krita 5, and not of their successors
GONE = {"exec_", "print_", "pos", "QRegExp", "QDesktopWidget", "numBytes", "byteCount", "asarray"}


def test_the_plugin_loads_and_shows_itself_under_qt_6() -> None:
    pytest.importorskip("PySide6")
    program = [sys.executable, "-W", "error", str(HERE / "qt6_program.py"), str(PLUGIN.parent)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def unscoped_enums(text: str, classes: dict[str, type]) -> list[str]:
    """Return uses of enum members that skip their enum, as in ``Qt.PlainText``."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = classes.get(node.value.id, object)
            nested = (getattr(owner, name) for name in dir(owner))
            enums = (one for one in nested if isinstance(one, enum.EnumMeta))
            if any(node.attr in one.__members__ for one in enums):
                found.append(f"{node.value.id}.{node.attr}")
    return found


@pytest.fixture(scope="module")
def qt_classes() -> dict[str, type]:
    pytest.importorskip("PySide6")
    modules = [importlib.import_module(f"PySide6.Qt{part}") for part in ("Core", "Gui", "Widgets")]
    # they are loaded when they are asked for, so the modules' own dictionaries lack most
    return {name: getattr(module, name) for module in modules for name in dir(module)}


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.stem)
def test_enums_are_scoped_and_nothing_is_used_that_has_gone(
    file: Path, qt_classes: dict[str, type]
) -> None:
    text = file.read_text("utf-8")
    assert unscoped_enums(text, qt_classes) == []
    names = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    assert names & GONE == set()


def test_an_unscoped_enum_is_found(qt_classes: dict[str, type]) -> None:
    text = "Qt.PlainText, Qt.TextFormat.PlainText, QMessageBox.Warning, QMessageBox.Icon"
    assert unscoped_enums(text, qt_classes) == ["Qt.PlainText", "QMessageBox.Warning"]
