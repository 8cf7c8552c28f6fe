"""What the room may import."""

from __future__ import annotations

import ast
from pathlib import Path

from scalediff_engine import ui

UI = Path(ui.__file__).parent
FILES = sorted(UI.rglob("*.py"))


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_of_the_engine_it_knows_the_light_packages_alone() -> None:
    packages = ("ui", "client", "base", "images", "batch")
    known = tuple(f"scalediff_engine.{package}" for package in packages)
    for file in FILES:
        strange = {
            name
            for name in imported(file)
            if name.startswith("scalediff_engine") and not name.startswith(known)
        }
        assert not strange, file


def test_message_boxes_show_names_as_text() -> None:
    made = [file for file in FILES if "QMessageBox(" in file.read_text(encoding="utf-8")]
    assert made == [UI / "widgets.py"]


def test_models_need_no_widgets() -> None:
    models = ["dialog.py", "upscale", "job_follower.py", "compare"]
    for file in FILES:
        if file.relative_to(UI).parts[0] in models:
            assert not {name for name in imported(file) if name.endswith("QtWidgets")}, file
