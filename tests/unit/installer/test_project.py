from __future__ import annotations

import re
from pathlib import Path

import pytest

from installer.failures import SetupFailure
from installer.project import Project, read_project

CLONE = Path(__file__).resolve().parents[3]
PYPROJECT = """
[project]
name = "scalediff"
requires-python = ">=3.11"
dependencies = ["torch>=2.9", "numpy>=2.0"]
[project.optional-dependencies]
dev = ["pytest>=8"]
ui = ["PySide6-Essentials>=6.8"]
"""


def project_of(folder: Path, pyproject: str) -> Project:
    (folder / "pyproject.toml").write_text(pyproject)
    (folder / "scalediff_engine").mkdir(exist_ok=True)
    (folder / "scalediff_engine" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    return read_project(folder)


def test_the_version_is_read_without_importing_the_engine(tmp_path: Path) -> None:
    assert project_of(tmp_path, PYPROJECT).version == "1.2.3"


def test_settings_of_tools_and_comments_do_not_change_the_key(tmp_path: Path) -> None:
    before = project_of(tmp_path, PYPROJECT).key(("dev",), "pytest==9.0\n")
    after = project_of(tmp_path, PYPROJECT + "[tool.ruff]\nline-length = 99\n")

    assert after.key(("dev",), "# tested\npytest==9.0  # quick\n") == before


def test_a_dependency_a_pin_or_a_chosen_extra_changes_the_key(tmp_path: Path) -> None:
    project = project_of(tmp_path, PYPROJECT)
    other = project_of(tmp_path, PYPROJECT.replace("numpy>=2.0", "numpy>=2.1"))
    keys = {
        project.key(("dev",), "pytest==9.0"),
        project.key(("dev",), "pytest==9.1"),
        project.key(("dev", "ui"), "pytest==9.0"),
        other.key(("dev",), "pytest==9.0"),
    }

    assert len(keys) == 4


def test_an_extra_that_is_not_chosen_leaves_the_key_alone(tmp_path: Path) -> None:
    before = project_of(tmp_path, PYPROJECT).key(("dev",), "")
    after = project_of(tmp_path, PYPROJECT.replace("Essentials>=6.8", "Essentials>=6.9"))

    assert after.key(("dev",), "") == before


def test_torch_is_needed_by_its_own_name_only(tmp_path: Path) -> None:
    assert project_of(tmp_path, PYPROJECT).needs("torch")
    assert not project_of(tmp_path, PYPROJECT.replace("torch>", "torchaudio>")).needs("torch")


@pytest.mark.parametrize("pyproject", ["", "[project]\n", "[project"])
def test_a_pyproject_that_says_too_little_is_a_sentence(tmp_path: Path, pyproject: str) -> None:
    with pytest.raises(SetupFailure, match="is the clone complete"):
        project_of(tmp_path, pyproject)


def test_every_direct_dependency_of_this_clone_has_a_tested_version() -> None:
    project = read_project(CLONE)
    pinned = {
        line.partition("==")[0]
        for line in (CLONE / "installer" / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    asked = [*project.dependencies, *(needed for one in project.extras.values() for needed in one)]
    names = {re.split(r"[\[>=<~!; ]", dependency)[0].lower() for dependency in asked}

    assert names - pinned == set()
