"""The folder works as a copy inside a plug-in, on the oldest Python that a host may have."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from engine_processes import STAND_IN, kill_the_engine_of

import scalediff_engine.client
from scalediff_engine.client.places import Places

CLIENT = Path(scalediff_engine.client.__file__).parent
FILES = sorted(CLIENT.glob("*.py"))
NAMES = [file.stem for file in FILES if file.stem != "__init__"]
OLDEST = (3, 9)

# All of these are in the standard library of the oldest Python, and of use without a screen.
STANDARD = {
    "__future__",
    "codecs",
    "collections",
    "contextlib",
    "ctypes",
    "dataclasses",
    "enum",
    "hashlib",
    "hmac",
    "http",
    "json",
    "math",
    "os",
    "pathlib",
    "re",
    "secrets",
    "selectors",
    "shlex",
    "shutil",
    "socket",
    "stat",
    "string",
    "struct",
    "subprocess",
    "sys",
    "threading",
    "time",
    "typing",
    "urllib",
}
# Younger than the oldest Python.
YOUNGER = {
    "typing": {"ParamSpec", "Self", "TypeAlias", "TypeGuard", "assert_never", "override"},
    "enum": {"StrEnum"},
    "datetime": {"UTC"},
    "itertools": {"pairwise", "batched"},
    "contextlib": {"aclosing", "chdir"},
}


def oldest_python() -> str | None:
    """Give a Python of the oldest version, if this machine has one."""
    name = f"python{OLDEST[0]}.{OLDEST[1]}"
    found = shutil.which(name)
    if found is None:
        return None
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return found if done.stdout.startswith(f"Python {OLDEST[0]}.{OLDEST[1]}") else None


PYTHONS = [sys.executable, *filter(None, [oldest_python()])]


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plug-in's folder with a copy of the client in it."""
    folder = tmp_path / "plugin"
    shutil.copytree(CLIENT, folder / "client", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run_isolated(python: str, folder: Path, code: str, **environ: str) -> str:
    """Run code as an editor's own Python might: without site-packages, without variables."""
    found = f"import sys; sys.path.append({str(folder)!r})\n"
    done = subprocess.run(
        [python, "-I", "-S", "-W", "error", "-c", found + code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("python", PYTHONS)
def test_each_file_of_a_copy_is_imported_alone(python: str, plugin: Path) -> None:
    code = f"""
import importlib
for name in {NAMES!r}:
    importlib.import_module(f"client.{{name}}")
    if "scalediff_engine" in sys.modules:
        print(name)
    for loaded in [each for each in sys.modules if each.partition(".")[0] == "client"]:
        del sys.modules[loaded]
"""
    assert run_isolated(python, plugin, code) == ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_oldest_python_can_read_it(file: Path) -> None:
    ast.parse(file.read_text("utf-8"), feature_version=OLDEST)


def imports_of(tree: ast.Module) -> list[tuple[str, str]]:
    """Give (module, name) of everything that is imported from outside the folder."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_imports_what_the_oldest_python_has(file: Path) -> None:
    for module, name in imports_of(ast.parse(file.read_text("utf-8"))):
        assert module.partition(".")[0] in STANDARD
        assert name not in YOUNGER.get(module, set())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_inside_the_folder_imports_are_relative_and_annotations_are_not_evaluated(
    file: Path,
) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert set(levels) <= {0, 1}
    if file.stem != "__init__":
        assert ("__future__", "annotations") in imports_of(tree)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_call_has_arguments_that_are_younger(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            words = {keyword.arg for keyword in node.keywords}
            assert not (name == "zip" and "strict" in words)
            assert not (name == "dataclass" and words & {"slots", "kw_only"})


@pytest.mark.skipif(os.name != "posix", reason="ends the engine with a signal")
@pytest.mark.parametrize("python", PYTHONS)
def test_a_copy_starts_an_engine_and_talks_to_it(python: str, plugin: Path, tmp_path: Path) -> None:
    code = """
from client.start import connect
client = connect()
print(client.health().protocol)
client.shutdown()
"""
    home = tmp_path / "home"
    try:
        out = run_isolated(
            python,
            plugin,
            code,
            SCALEDIFF_HOME=str(home),
            SCALEDIFF_COMMAND=json.dumps(STAND_IN[:-1]),
            PYTHONPATH=str(plugin),
        )
    finally:
        kill_the_engine_of(Places(home))
    assert out == "1\n"
