from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from installer import start
from installer.core.errors import InstallError
from installer.core.installation import Environment
from installer.core.runner import Progress, parse_downloads
from installer.start import QUICK, activated, checks, command_for, find_root, main

CLONE = Path(__file__).resolve().parents[3]
ENVIRONMENT = Environment(Path("/clone/.venv/environments/1"))
INSTALLER = sorted(str(file.relative_to(CLONE)) for file in (CLONE / "installer").rglob("*.py"))


def test_what_is_neither_test_nor_check_goes_to_scalediff() -> None:
    arguments = ["upscale", "test", "--scale", "4"]

    program = str(ENVIRONMENT.program("scalediff"))
    assert command_for(ENVIRONMENT, arguments) == [program, *arguments]


def test_test_runs_the_quick_suite_and_passes_the_rest_to_pytest() -> None:
    command = command_for(ENVIRONMENT, ["test", "-m", "slow", "-x"])

    at_once = ["-n", "2", "--dist", "loadfile"]
    assert command[1:] == ["-m", "pytest", "-m", QUICK, *at_once, "-m", "slow", "-x"]


def test_quick_tests_run_two_at_once_and_what_comes_after_overrules_that() -> None:
    command = command_for(ENVIRONMENT, ["test", "-n", "0"])

    assert command[5:] == ["-n", "2", "--dist", "loadfile", "-n", "0"]


def test_nightly_tests_run_alone() -> None:
    assert "-n" not in command_for(ENVIRONMENT, ["test", "-m", "nightly"])


def test_every_extra_that_a_command_needs_is_in_the_project() -> None:
    project = (CLONE / "pyproject.toml").read_text()

    assert all(f"\n{extra} = [" in project for extras in start.EXTRAS.values() for extra in extras)


@pytest.mark.parametrize(
    ("command", "extras"),
    [
        (["dialog", "photo.jpg"], ("ui",)),
        (["plugins", "install", "krita"], ("ui",)),
        (["plugins", "status"], ()),
        (["upscale", "photo.jpg"], ()),
    ],
)
def test_only_what_opens_dialogs_needs_their_toolkit(
    command: list[str], extras: tuple[str, ...]
) -> None:
    assert start.extras_of(command) == extras


def test_check_runs_all_four_linters() -> None:
    said = " ".join(" ".join(command) for command in checks(ENVIRONMENT))

    assert all(name in said for name in ("ruff check", "ruff format", "pyright", "lint-imports"))


def test_a_python_home_of_the_host_does_not_leak_into_the_environment() -> None:
    environ = activated({"PYTHONHOME": "/krita", "PATH": "/usr/bin", "LANG": "C"}, ENVIRONMENT)

    assert environ == {
        "PATH": os.pathsep.join([str(ENVIRONMENT.scripts), "/usr/bin"]),
        "LANG": "C",
        "VIRTUAL_ENV": str(ENVIRONMENT.folder),
    }


def test_the_environment_lies_in_the_clone_unless_a_variable_names_another(tmp_path: Path) -> None:
    assert find_root(tmp_path, {}).folder == tmp_path.resolve() / ".venv"
    chosen = find_root(tmp_path, {"SCALEDIFF_ENV": str(tmp_path / "elsewhere")})
    assert chosen.folder == tmp_path.resolve() / "elsewhere"


def test_help_explains_itself_without_an_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "goes to scalediff" in capsys.readouterr().out


def test_no_arguments_at_all_is_wrong_usage() -> None:
    assert main([]) == 2


def test_an_installation_that_fails_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise InstallError("The disk is full.")

    monkeypatch.setattr(start, "prepare", fail)

    assert main(["upscale"]) == 1
    assert capsys.readouterr().err == "scalediff: The disk is full.\n"


def test_an_environment_of_another_user_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("SCALEDIFF_ENV", str(tmp_path / "env"))
    monkeypatch.setattr(start, "why_stale", refuse)

    assert main(["upscale"]) == 1
    assert "cannot be used: [Errno 13] Permission denied." in capsys.readouterr().err


def test_downloads_are_told_by_name_and_bytes() -> None:
    output = (
        "Resolved 3 packages\nDownloading torch (180.5MiB)\nDownloading numpy (16.0MiB)\n"
        " Downloaded numpy\n"
    )

    assert parse_downloads(output) == ("numpy", 16 << 20, int(196.5 * (1 << 20)))
    assert parse_downloads("") == ("", 0, 0)


def test_each_step_is_shown_once_and_what_takes_long_by_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = [0.0]
    monkeypatch.setattr(start.time, "monotonic", lambda: now_s[0])
    display = start.Display()
    for elapsed_s in (0.0, 5.0, 16.0, 20.0):
        now_s[0] = elapsed_s
        display(Progress("installing", "torch", 500_000_000, 1_000_000_000, elapsed_s))

    assert capsys.readouterr().err == (
        "scalediff:   installing\nscalediff:     16 s, 0.50 of 1.00 GB torch\n"
    )


def test_ctrl_c_ends_the_checks_and_not_only_the_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def interrupted(command: list[str], _environ: dict[str, str]) -> int:
        started.append(command)
        return 130

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "prepare", lambda *_: ENVIRONMENT)
    monkeypatch.setattr(start, "_wait_for", interrupted)

    assert main(["check"]) == 130
    assert len(started) == 1


@pytest.mark.parametrize("name", INSTALLER)
def test_the_installer_has_python_39_syntax(name: str) -> None:
    ast.parse((CLONE / name).read_text("utf-8"), feature_version=(3, 9))


def test_the_installer_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import installer.start; "
        "print(sorted({n.partition('.')[0] for n in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=CLONE, capture_output=True, text=True, check=True
    )

    loaded = set(ast.literal_eval(done.stdout)) - set(sys.stdlib_module_names)
    assert {name for name in loaded if not name.startswith("_")} == {
        "installer",
        "scalediff_engine",
    }
