"""The folder is what is copied into GIMP, so it must be complete as it stands."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from installer.plugins import build

FOLDER = Path(__file__).parents[3] / "plugin_gimp" / "scalediff"
build()
FILES = sorted(FOLDER.rglob("*.py"))


def test_gimp_finds_a_program_named_as_its_folder() -> None:
    program = FOLDER / f"{FOLDER.name}.py"
    assert os.access(program, os.X_OK)
    assert program.read_text().startswith("#!/usr/bin/env python3\n")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_the_oldest_python_reads_it_and_all_it_imports_is_there(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(), feature_version=(3, 9))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = file.parents[node.level - 1]
            target = base.joinpath(*(node.module or "").split("."))
            names = [target] if node.module else [base / alias.name for alias in node.names]
            for name in names:
                assert name.with_suffix(".py").is_file() or (name / "__init__.py").is_file()
