from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalediff_engine.base.editors import Computer, Editor
from scalediff_engine.base.errors import UsageError
from scalediff_engine.cli import doctor
from scalediff_engine.cli import plugins as command
from scalediff_engine.cli.doctor import run_doctor
from scalediff_engine.cli.plugins import run_install, run_remove, run_status
from scalediff_engine.client.places import Places, read_command


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user whose computer has no editor."""
    found = Computer(tmp_path / "ada", "linux", {}, tmp_path, lambda _: False)
    for module in (command, doctor):
        monkeypatch.setattr(module, "this_computer", lambda: found)
    return found.user


def test_without_an_editor_nothing_is_installed_unless_one_is_named(
    user: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="Neither Krita nor GIMP 3 was found"):
        run_install(None, str(tmp_path / "home"), as_json=False)

    assert run_status(None, as_json=False) == 0
    assert run_install(Editor.KRITA, str(tmp_path / "home"), as_json=False) == 0
    assert (user / ".local/share/krita/pykrita/scalediff/api.py").is_file()
    assert "Krita: installed; start Krita again" in capsys.readouterr().out


def test_each_editor_is_installed_and_learns_what_starts_the_engine(
    user: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (user / ".local/share/krita").mkdir(parents=True)
    (user / ".config/GIMP/3.2").mkdir(parents=True)

    assert run_install(None, str(tmp_path / "home"), as_json=True) == 0

    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["name"], each["state"]) for each in found] == [
        ("Krita", "installed"),
        ("GIMP 3.2", "installed"),
    ]
    assert read_command(Places(tmp_path / "home"))


def test_a_broken_plugin_is_an_exit_code_and_says_what_repairs_it(
    user: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (user / ".config/GIMP/3.0").mkdir(parents=True)
    run_install(None, str(tmp_path / "home"), as_json=False)
    script = user / ".config/GIMP/3.0/plug-ins/scalediff/scalediff.py"
    script.unlink()

    assert run_status(None, as_json=False) == 1
    said = capsys.readouterr().out
    assert "GIMP 3.0: broken. Missing files: 1 of " in said
    assert "`scalediff plugins install gimp` repairs it" in said

    assert run_doctor(None, str(tmp_path / "home"), json=False, fix=True) == 0
    assert script.is_file()
    assert "in GIMP 3.0  installed" in capsys.readouterr().out


def test_doctor_installs_nothing_that_was_not_there(user: Path, tmp_path: Path) -> None:
    (user / ".config/GIMP/3.0").mkdir(parents=True)

    run_doctor(None, str(tmp_path / "home"), json=False, fix=True)

    assert not (user / ".config/GIMP/3.0/plug-ins").exists()


def test_removing_says_what_was_removed(
    user: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (user / ".local/share/krita").mkdir(parents=True)
    run_install(None, str(tmp_path / "home"), as_json=False)
    capsys.readouterr()

    assert run_remove(None, as_json=False) == 0
    assert run_remove(None, as_json=False) == 0

    assert capsys.readouterr().out == "Krita: removed\nKrita: it was not installed\n"
