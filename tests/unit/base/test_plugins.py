"""Plug-ins are installed into fake editors, broken in many ways, repaired and removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scalediff_engine.base import plugins
from scalediff_engine.base.editors import Editor, Host
from scalediff_engine.base.errors import NotFound, OutputError
from scalediff_engine.base.plugins import (
    State,
    files_beside,
    install,
    is_enabled,
    plugin_files,
    remove,
    status,
    with_enabled,
)


@pytest.fixture
def krita(tmp_path: Path) -> Host:
    return Host(Editor.KRITA, tmp_path / "krita" / "pykrita", tmp_path / "kritarc")


@pytest.fixture
def gimp(tmp_path: Path) -> Host:
    return Host(Editor.GIMP, tmp_path / "GIMP" / "3.2" / "plug-ins", None, "3.2")


@pytest.fixture(params=["krita", "gimp"])
def host(request: pytest.FixtureRequest) -> Host:
    found: Host = request.getfixturevalue(request.param)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_looking_changes_nothing(host: Host, tmp_path: Path) -> None:
    assert status(host).state is State.ABSENT
    assert list(tmp_path.iterdir()) == []


def test_an_installed_plugin_is_well(host: Host) -> None:
    install(host)

    found = status(host)
    assert (found.state, found.problems) == (State.INSTALLED, ())


def test_krita_gets_what_its_own_importer_would_copy(krita: Host, tmp_path: Path) -> None:
    install(krita)

    found = contents(tmp_path / "krita")
    assert "pykrita/scalediff.desktop" in found
    assert "actions/scalediff.action" in found
    assert "pykrita/scalediff/__init__.py" in found
    assert "pykrita/scalediff/client/client.py" in found
    assert is_enabled((tmp_path / "kritarc").read_text())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bit")
def test_what_gimp_starts_is_executable_and_imports_with_its_copies(gimp: Host) -> None:
    install(gimp)

    script = gimp.plugins / "scalediff" / "scalediff.py"
    assert os.access(script, os.X_OK)
    code = "import scalediff_gimp.client.client, scalediff_gimp.plugin_common.recipe"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append('.'); {code}"]
    subprocess.run(command, cwd=script.parent, check=True)


def test_an_update_leaves_no_file_of_the_old_version(host: Host) -> None:
    install(host)
    stale = host.plugins / "scalediff" / "stale.py"
    stale.write_text("")

    install(host)

    assert not stale.exists()
    assert {path.name for path in host.plugins.iterdir()} <= {"scalediff", "scalediff.desktop"}


def test_removing_leaves_the_other_plugins_and_nothing_of_ours(host: Host) -> None:
    other = host.plugins / "other" / "other.py"
    other.parent.mkdir(parents=True)
    other.write_text("")
    if host.settings is not None:
        host.settings.write_text("[python]\nenable_other=true\n")
    before = contents(host.plugins.parents[1])
    install(host)
    (host.plugins / "scalediff" / "__pycache__").mkdir()

    assert remove(host)

    assert contents(host.plugins.parents[1]) == before
    assert not remove(host)


def test_a_folder_that_cannot_be_written_is_a_sentence(host: Host) -> None:
    host.plugins.parent.parent.mkdir(parents=True, exist_ok=True)
    host.plugins.parent.write_text("a file")

    with pytest.raises(OutputError, match="cannot be changed: Not a directory"):
        install(host)


def test_a_failed_update_leaves_the_old_version(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(host)
    before = contents(host.plugins / "scalediff")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        with pytest.raises(OutputError, match="No space left on device"):
            install(host)

    assert contents(host.plugins / "scalediff") == before


def test_a_program_without_plugins_says_where_they_are(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plugins, "_ENGINE", tmp_path / "elsewhere" / "scalediff_engine")

    with pytest.raises(NotFound, match=rf"Take scalediff-{host.editor}\.zip"):
        install(host)


Break = Callable[[Host], None]


def _nest(host: Host) -> None:
    folder = host.plugins / "scalediff"
    folder.rename(host.plugins / "inner")
    folder.mkdir()
    (host.plugins / "inner").rename(folder / "scalediff")


def _loosen(host: Host) -> None:
    (host.plugins / "scalediff" / "scalediff.py").rename(host.plugins / "scalediff.py")
    shutil.rmtree(host.plugins / "scalediff")


def _replace_by(host: Host, kind: str) -> None:
    shutil.rmtree(host.plugins / "scalediff")
    if kind == "file":
        (host.plugins / "scalediff").write_text("")
    else:
        (host.plugins / "scalediff").symlink_to(host.plugins / "gone")


@pytest.mark.parametrize(
    ("name", "damage", "sentence"),
    [
        ("krita", lambda h: (h.plugins / "scalediff/api.py").unlink(), "Missing files: 1 of "),
        ("krita", lambda h: shutil.rmtree(h.plugins / "scalediff/client"), "Missing files: "),
        (
            "krita",
            lambda h: (h.plugins / "scalediff/api.py").write_text("old"),
            "Files of another version: 1, such as scalediff/api.py.",
        ),
        (
            "krita",
            lambda h: h.settings.write_text("[python]\nenable_scalediff=false\n"),
            "It is not enabled in Krita: Settings > Configure Krita > Python Plugin Manager.",
        ),
        ("krita", lambda h: h.settings.unlink(), "It is not enabled in Krita"),
        (
            "krita",
            lambda h: (h.plugins / "scalediff.desktop").unlink(),
            "such as scalediff.desktop.",
        ),
        (
            "krita",
            lambda h: (h.plugins / "../actions/scalediff.action").unlink(),
            "such as ../actions/scalediff.action.",
        ),
        (
            "krita",
            lambda h: shutil.rmtree(h.plugins / "scalediff"),
            "scalediff.desktop is there and its folder is not.",
        ),
        ("krita", _nest, "The plug-in lies one folder too deep"),
        ("krita", lambda h: _replace_by(h, "file"), "is a file and should be a folder."),
        ("krita", lambda h: _replace_by(h, "link"), "is a link that leads nowhere."),
        (
            "gimp",
            lambda h: (h.plugins / "scalediff/scalediff.py").chmod(0o644),
            "scalediff.py is not executable, and GIMP passes over it.",
        ),
        ("gimp", _nest, "The plug-in lies one folder too deep"),
        ("gimp", _loosen, "lies outside of a folder scalediff, where GIMP passes it over."),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="links and modes are POSIX's")
def test_a_broken_plugin_is_named_in_words_and_repaired(
    request: pytest.FixtureRequest, name: str, damage: Break, sentence: str
) -> None:
    host: Host = request.getfixturevalue(name)
    install(host)
    damage(host)

    broken = status(host)
    assert broken.state is State.BROKEN
    assert sentence in " ".join(broken.problems)

    install(host)
    assert status(host).state is State.INSTALLED


def write_list(host: Host, plugin: str, procedure: str) -> None:
    """Write the list that GIMP writes when it starts."""
    listed = host.plugins.parent / "pluginrc"
    listed.write_text(f'(plug-in-def "{plugin}" 1)\n(proc-def "{procedure}" 1)\n')
    later = (host.plugins / "scalediff").stat().st_ctime + 10
    os.utime(listed, (later, later))


def test_gimp_tells_in_its_list_that_it_loaded_the_plugin(gimp: Host) -> None:
    install(gimp)
    assert status(gimp).is_loaded is None
    write_list(gimp, "${gimp_dir}/plug-ins/scalediff/scalediff.py", "scalediff-upscale")

    found = status(gimp)

    assert (found.state, found.is_loaded) == (State.INSTALLED, True)


def test_a_plugin_that_gimp_did_not_load_is_broken(gimp: Host) -> None:
    install(gimp)
    write_list(gimp, "${gimp_dir}/plug-ins/scalediff/scalediff.py", "other")

    found = status(gimp)

    assert (found.state, found.is_loaded) == (State.BROKEN, False)
    assert "GIMP 3.2 did not load it at its last start." in found.problems[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[python]\nenable_scalediff=true\n"),
        ("[a]\nb=c", "[a]\nb=c\n\n[python]\nenable_scalediff=true\n"),
        ("[python]\nx=1\n[z]\n", "[python]\nenable_scalediff=true\nx=1\n[z]\n"),
        ("[python]", "[python]\nenable_scalediff=true\n"),
        (
            "[z]\nenable_scalediff=false\n[python]\nenable_scalediff=false\n",
            "[z]\nenable_scalediff=false\n[python]\nenable_scalediff=true\n",
        ),
    ],
)
def test_the_settings_keep_every_other_line(before: str, after: str) -> None:
    assert with_enabled(before, enabled=True) == after
    assert is_enabled(after)
    assert with_enabled(after, enabled=True) == after
    assert not is_enabled(with_enabled(after, enabled=False))


@pytest.mark.parametrize("editor", list(Editor))
def test_the_files_are_those_of_the_clone_without_its_built_copies(editor: Editor) -> None:
    files = {**plugin_files(editor), **files_beside(editor)}

    assert not [path for path in files if "__pycache__" in path or path.endswith(".pyc")]
    copies = [path for path in files if path.endswith("client/messages.py")]
    assert len(copies) == 1
