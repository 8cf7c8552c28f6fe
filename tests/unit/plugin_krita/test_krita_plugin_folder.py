"""The folder as it is installed: complete, readable by Krita's Python, in both languages."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from string import Formatter

import pytest

from installer.plugin_zips import write_zip
from scalediff_engine.plugin_common.german import GERMAN

PLUGIN = Path(__file__).parents[3] / "plugin_krita" / "scalediff"
OWN = sorted(PLUGIN.glob("*.py"))
OLDEST = (3, 9)
# imported when Krita starts
FIRST = ("__init__", "docker", "extension", "qt")
STANDARD = {
    "__future__", "array", "collections", "contextlib", "dataclasses", "enum", "html", "os",
    "pathlib", "struct", "sys", "tempfile", "threading", "typing", "zlib",
}  # fmt: skip
HOSTS_OWN = {"krita", "PyQt5.QtCore", "PyQt5.QtGui", "PyQt5.QtWidgets"}
HOSTS_OWN |= {name.replace("5", "6") for name in HOSTS_OWN}


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.stem)
def test_kritas_oldest_python_can_read_it(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"), feature_version=OLDEST)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("zip", "dataclass"):
            words = {keyword.arg for keyword in node.keywords}
            assert not words & {"strict", "slots", "kw_only"}


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.stem)
def test_it_imports_the_standard_library_and_what_krita_has(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= STANDARD
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            allowed = STANDARD | HOSTS_OWN
            assert node.module in allowed or (node.module or "").partition(".")[0] in STANDARD


@pytest.mark.parametrize("name", FIRST)
def test_what_krita_imports_when_it_starts_imports_nothing_more(name: str) -> None:
    tree = ast.parse((PLUGIN / f"{name}.py").read_text("utf-8"))
    ours = {node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.level}
    assert ours <= set(FIRST)


def said() -> set[str]:
    """Everything that the plug-in says in the user's language."""
    found: set[str] = set()
    for file in OWN:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in ("words", "_words", "CannotTake", "SourceChanged") and isinstance(
                first, ast.Constant
            ):
                found.add(first.value)
    text = (PLUGIN / "extension.py").read_text("utf-8")
    found |= set(re.findall(r'\("scalediff_\w+", "\w+", "([^"]+)"\)', text))
    text = (PLUGIN / "sentences.py").read_text("utf-8")
    return found | set(re.findall(r'Phase\.\w+: "([^"]+)"', text))


def test_everything_it_says_is_there_in_german() -> None:
    sentences = said()
    assert len(sentences) > 40
    assert sentences - set(GERMAN) == set()
    for text in sentences:
        names = [name for _, name, _, _ in Formatter().parse(text) if name]
        theirs = [name for _, name, _, _ in Formatter().parse(GERMAN[text]) if name]
        assert sorted(names) == sorted(theirs), text


def test_each_action_has_its_entry_and_a_shortcut_of_its_own() -> None:
    text = (PLUGIN / "extension.py").read_text("utf-8")
    actions = dict(re.findall(r'\("(scalediff_\w+)", "\w+", "([^"]+)"\)', text))
    entries = ElementTree.parse(PLUGIN.parent / "actions" / "scalediff.action").iter("Action")  # noqa: S314
    told = {entry.get("name"): entry for entry in entries}
    assert {name: entry.findtext("text") for name, entry in told.items()} == actions
    shortcuts = [entry.findtext("shortcut") for entry in told.values()]
    assert len(set(shortcuts)) == len(shortcuts) == 6
    for page, said_in in (("Manual.html", lambda text: text), ("Manual.de.html", GERMAN.get)):
        manual = (PLUGIN / page).read_text("utf-8")
        for entry in told.values():
            name, shortcut = said_in(entry.findtext("text")), entry.findtext("shortcut")
            assert f"<td>{name}</td><td>{shortcut}</td>" in manual, page


def test_the_zip_is_the_same_each_time_and_has_everything(tmp_path: Path) -> None:
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    write_zip(one)
    write_zip(two)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert {"scalediff/", "scalediff.desktop", "actions/scalediff.action"} <= set(names)
    shipped = {
        f"scalediff/{file.relative_to(PLUGIN).as_posix()}"
        for file in PLUGIN.rglob("*")
        if file.suffix in (".py", ".html")
    }
    assert shipped <= set(names)
    assert not [name for name in names if "cache" in name]


def test_a_zip_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.mkdir()
    with pytest.raises(OSError, match="there"):
        write_zip(target)
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
