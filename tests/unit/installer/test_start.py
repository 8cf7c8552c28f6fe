from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from installer import interpreters, start
from installer.layout import Layout, find_layout
from installer.progress import activity
from installer.project import read_project
from installer.start import QUICK, activated, checks, extras_for, main, program_for

CLONE = Path(__file__).resolve().parents[3]
LAYOUT = Layout(clone=Path("/clone"), env=Path("/clone/.venv"))
BEFORE_THE_CHANGE_OF_PYTHON = [
    "run.py",
    "start.py",
    "failures.py",
    "interpreters.py",
    "layout.py",
    "plugins.py",
    "progress.py",
    "stamp.py",
    "torch_build.py",
]


def test_what_is_neither_test_nor_check_goes_to_scalediff() -> None:
    arguments = ["upscale", "test", "--scale", "4"]

    assert program_for(LAYOUT, arguments) == [str(LAYOUT.program("scalediff")), *arguments]
    assert extras_for(arguments) == ()


def test_test_runs_the_quick_suite_and_passes_the_rest_to_pytest() -> None:
    command = program_for(LAYOUT, ["test", "-m", "slow", "-x"])

    assert command[1:] == [
        "-m",
        "pytest",
        "-m",
        QUICK,
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-m",
        "slow",
        "-x",
    ]
    assert extras_for(["test"]) == ("dev",)


def test_quick_tests_run_two_at_once_and_what_comes_after_overrules_that() -> None:
    command = program_for(LAYOUT, ["test", "-n", "0"])

    assert command[5:] == ["-n", "2", "--dist", "loadfile", "-n", "0"]


def test_nightly_tests_run_alone() -> None:
    assert "-n" not in program_for(LAYOUT, ["test", "-m", "nightly"])


@pytest.mark.parametrize("command", ["dialog", "plugins"])
def test_windows_bring_what_they_need(command: str) -> None:
    assert extras_for([command, "photo.jpg"]) == ("ui",)
    assert program_for(LAYOUT, [command, "photo.jpg"])[1:] == [command, "photo.jpg"]
    assert {extra for extras in start.EXTRAS.values() for extra in extras} <= {
        *read_project(CLONE).extras
    }


def test_check_runs_all_four_linters() -> None:
    said = " ".join(" ".join(command) for command in checks(LAYOUT))

    assert all(name in said for name in ("ruff check", "ruff format", "pyright", "lint-imports"))


def test_a_python_home_of_the_host_does_not_leak_into_the_environment() -> None:
    environ = activated({"PYTHONHOME": "/krita", "PATH": "/usr/bin", "LANG": "C"}, LAYOUT)

    assert environ == {
        "PATH": os.pathsep.join([str(LAYOUT.scripts), "/usr/bin"]),
        "LANG": "C",
        "VIRTUAL_ENV": str(LAYOUT.env),
    }


def test_the_environment_lies_in_the_clone_unless_a_variable_names_another(tmp_path: Path) -> None:
    assert find_layout(tmp_path, {}).env == tmp_path.resolve() / ".venv"
    chosen = find_layout(tmp_path, {"SCALEDIFF_ENV": str(tmp_path / "elsewhere")})
    assert chosen.env == tmp_path.resolve() / "elsewhere"


def test_help_explains_itself_without_an_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "goes to scalediff" in capsys.readouterr().out


def test_no_arguments_at_all_is_wrong_usage() -> None:
    assert main([]) == 2


@pytest.mark.parametrize(
    ("said", "doing"),
    [
        ("", ""),
        (
            "Collecting a\n  Downloading torch-2.13.0.whl (190 MB)\n",
            "Downloading torch-2.13.0.whl (190 MB)",
        ),
        ("Installing collected packages: a, b, c\n", "unpacking 3 packages"),
    ],
)
def test_the_heartbeat_says_what_pip_is_doing(said: str, doing: str) -> None:
    assert activity(said) == doing


@pytest.mark.parametrize(
    ("version", "supported"),
    [((3, 9), False), ((3, 10), False), ((3, 11), True), ((3, 14), True), ((3, 15), False)],
)
def test_python_is_supported_from_311_to_314(version: tuple[int, int], supported: bool) -> None:
    assert interpreters.is_supported(version) is supported


def test_the_best_tested_python_is_tried_first_and_windows_has_its_launcher() -> None:
    assert interpreters.candidates("linux")[0] == ["python3.11"]
    assert interpreters.candidates("win32")[0] == ["py", "-3.11"]


def test_a_name_on_path_that_does_not_start_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python3.11").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.11").chmod(0o755)
    (tmp_path / "python3.12").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "python3.12").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert interpreters.find_supported() == [str(tmp_path / "python3.12")]


def test_the_wrong_python_without_another_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCALEDIFF_ENV", str(tmp_path / "env"))
    monkeypatch.setenv("SCALEDIFF_TORCH", "cpu")
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(interpreters, "find_supported", lambda: None)

    assert main(["upscale"]) == 1
    assert capsys.readouterr().err == (
        "scalediff: ScaleDiff needs Python 3.11 to 3.14; this is Python 3.9 and no other was found "
        "on PATH.\n"
    )


def test_an_environment_of_another_user_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("SCALEDIFF_ENV", str(tmp_path / "env"))
    monkeypatch.setattr(start, "read_stamp", refuse)

    assert main(["upscale"]) == 1
    assert "cannot be used: [Errno 13] Permission denied." in capsys.readouterr().err


def test_ctrl_c_ends_the_checks_and_not_only_the_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def interrupted(command: list[str], _environ: dict[str, str]) -> int:
        started.append(command)
        return 130

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "_prepare", lambda *_: None)
    monkeypatch.setattr(start, "_wait_for", interrupted)

    assert main(["check"]) == 130
    assert len(started) == 1


@pytest.mark.parametrize("name", BEFORE_THE_CHANGE_OF_PYTHON)
def test_what_starts_before_the_change_of_python_has_python_39_syntax(name: str) -> None:
    source = (CLONE / "installer" / name).read_text("utf-8")

    ast.parse(source, feature_version=(3, 9))


def test_a_start_imports_nothing_that_needs_python_311() -> None:
    code = (
        "import sys, installer.start; print([n for n in sys.modules if n.startswith('installer')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CLONE, capture_output=True, text=True, check=True
    )

    loaded = {
        f"{name.partition('.')[2] or '__init__'}.py" for name in ast.literal_eval(done.stdout)
    }
    assert loaded <= {*BEFORE_THE_CHANGE_OF_PYTHON, "__init__.py"}
