"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import Program


@pytest.fixture
def scalediff(tmp_path: Path) -> Program:
    """The real program in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Program(folder, tmp_path / "state")
