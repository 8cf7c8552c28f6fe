from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.cli import logs, main, streams
from scalediff_engine.cli.interrupt import Interrupts

TREE = ("a tree", "-o", "a.png", "--size", "4x4", "--model", "embedded")


def run(*arguments: str, as_json: bool = False) -> int:
    return main.run_guarded(list(arguments), Interrupts(), as_json=as_json)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("upscale",), "INPUT"),
        (("upscale", "a.png", "--nonsense"), "No such option"),
        (("upscale", "a.png", "--scale", "abc"), "--scale"),
        (("upscale", "a.png", "--scale", "0"), "between 1 and 32"),
        (("upscale", "a.png", "--scale", "-1"), "between 1 and 32"),
        (("upscale", "a.png", "--scale", "nan"), "between 1 and 32"),
        (("upscale", "a.png", "--scale", "1e9"), "between 1 and 32"),
        (("upscale", "a.png", "--scale", "2", "--size", "4x4"), "cannot be used together"),
        (("upscale", "a.png", "--size", "big"), "4096x3072"),
        (("upscale", "a.png", "--creativity", "1.5"), "Creativity"),
        (("upscale", "a.png", "--structure", "nan"), "Structure"),
        (("upscale", "a.png", "--steps", "0"), "Steps"),
        (("upscale", "a.png", "--guidance", "-1"), "Guidance"),
        (("upscale", "a.png", "--seed", "-1"), "Seed"),
        (("upscale", "a.png", "--attention", "full"), "--attention"),
        (("upscale", "a.png", "--device", "gpu"), "--device"),
        (("upscale", "a.png", "--max-memory", "0"), "--max-memory"),
        (("upscale", "a.png", "--quality", "101"), "--quality"),
        (("upscale", "a.png", "--name", "{nope}"), "no field"),
        (("upscale", "a.png", "--overwrite", "--skip-existing"), "cannot be used together"),
        (("upscale", "a.png", "-o", "b.png", "--output-dir", "c"), "cannot be used together"),
        (("upscale", "a.png", "b.png", "-o", "c.png"), "2 inputs"),
        (("upscale", "a.png", "--preset", "quick"), "fast, balanced, best"),
        (("upscale", "a.png", "--guidance-interval", "5,1"), "0.28,5.42"),
        (("upscale", "a.png", "--lora", "a.safetensors:99"), "between -10 and 10"),
        (("generate", *TREE[1:]), "PROMPT"),
        (("generate", "a tree", "--size", "4x4"), "--output"),
        (("generate", "a tree", "-o", "a.png"), "--size"),
        (("generate", "a tree", "-o", "a.png", "--size", "4x4"), "Say --model"),
        (("generate", *TREE, "--size", "0x4"), "at least 1 pixel"),
        (("generate", *TREE, "--base-steps", "0"), "Base steps"),
        (("generate", *TREE, "--steps", "x"), "--steps"),
        (("generate", *TREE, "--no-source-lock"), "No such option"),
        (("generate", *TREE), "cannot make new ones"),
        (("upscail", "a.png"), "upscale"),
        (("--nonsense",), "No such option"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_sentence(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture
) -> None:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("scalediff: ")
    assert err.count("\n") == 1
    assert words in err


def test_with_json_an_error_is_an_object_and_the_summary_is_last(
    capsys: pytest.CaptureFixture,
) -> None:
    assert run("upscale", "a.png", "--scale", "0", "--json", as_json=True) == 2
    error, summary = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (error["event"], error["code"], error["input"]) == ("error", "usage", None)
    assert (summary["event"], summary["exit_code"]) == ("summary", 2)


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture) -> None:
    assert run() == 0
    assert "upscale" in capsys.readouterr().out


def test_the_version_is_said(capsys: pytest.CaptureFixture) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("scalediff 0")


def test_the_models_are_listed(capsys: pytest.CaptureFixture) -> None:
    assert run("models") == 0
    assert capsys.readouterr().out.startswith("embedded ")
    assert run("models", "--json") == 0
    family = json.loads(capsys.readouterr().out.splitlines()[0])
    assert family == {
        "kind": "family",
        "name": "embedded",
        "title": "ScaleDiff embedded (comes with the program)",
        "native": [256, 256],
        "generates": False,
    }


def stand_in(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Interrupts:
    """Let the program's action raise ``error``."""

    def act(_: Interrupts) -> int:
        raise error

    monkeypatch.setattr(main, "parse", lambda _: act)
    return Interrupts()


def test_a_deliberate_error_has_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    interrupts = stand_in(monkeypatch, NotEnoughMemory("Too large."))
    assert main.run_guarded([], interrupts, as_json=False) == 5
    assert capsys.readouterr().err == "scalediff: Too large.\n"


def test_a_defect_is_one_sentence_and_a_log_file_has_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr("platformdirs.user_log_dir", lambda *_: str(tmp_path / "logs"))
    interrupts = stand_in(monkeypatch, ZeroDivisionError("a defect"))
    assert main.run_guarded(["upscale"], interrupts, as_json=False) == 1
    log = tmp_path / "logs" / "scalediff-errors.log"
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(log) in err
    assert "a defect" not in err
    assert "ZeroDivisionError: a defect" in log.read_text()


def test_a_log_folder_that_cannot_be_made_gives_way_to_a_file_that_nobody_foresees(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "victim").touch()
    (tmp_path / "scalediff-errors.log").symlink_to(tmp_path / "victim")
    monkeypatch.setattr("platformdirs.user_log_dir", lambda *_: str(tmp_path / "file" / "logs"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = logs.write_crash(ValueError("x"), ["--prompt", "secret"])
    second = logs.write_crash(ValueError("x"), [])
    assert first is not None
    assert first != second
    assert first.parent == tmp_path
    assert "secret" in first.read_text()
    assert first.stat().st_mode & 0o077 == 0
    assert (tmp_path / "victim").read_bytes() == b""


def test_a_crash_log_is_for_its_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platformdirs.user_log_dir", lambda *_: str(tmp_path / "logs"))
    file = logs.write_crash(ValueError("x"), ["--prompt", "secret"])
    assert file == tmp_path / "logs" / "scalediff-errors.log"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.unlink()
    (tmp_path / "victim").touch()
    file.symlink_to(tmp_path / "victim")
    other = logs.write_crash(ValueError("x"), [])
    assert other not in (None, file)
    assert (tmp_path / "victim").read_bytes() == b""
    other.unlink()


def test_memory_that_runs_out_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "write_crash", lambda *_: None)
    assert logs.crash_error(MemoryError(), []).code == "not-enough-memory"
    assert logs.crash_error(ZeroDivisionError(), []).code == "error"


def test_an_error_that_an_interrupt_caused_is_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    interrupts = stand_in(monkeypatch, ImportError("half a module"))
    interrupts.happened = True
    assert main.run_guarded([], interrupts, as_json=False) == 130
    assert capfd.readouterr().err == "scalediff: Cancelled.\n"


def test_a_closed_output_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "abandon_stdout", lambda: None)
    interrupts = stand_in(monkeypatch, streams.StdoutClosed())
    assert main.run_guarded([], interrupts, as_json=False) == 141


HEAVY = ("torch", "numpy", "PIL", "diffusers", "transformers", "tifffile", "rich")


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], (*HEAVY, "pydantic")),
        (["upscale", "--help"], (*HEAVY, "pydantic")),
        (["generate", "--help"], (*HEAVY, "pydantic")),
        (["--version"], (*HEAVY, "typer")),
        (["models"], HEAVY),
    ],
)
def test_light_commands_import_nothing_heavy(arguments: list[str], heavy: tuple[str, ...]) -> None:
    program = (
        "import sys; from scalediff_engine.cli import main;"
        " from scalediff_engine.cli.interrupt import Interrupts;"
        " code = main.run_guarded(sys.argv[1:], Interrupts(), as_json=False);"
        f" print('FOUND', sorted(set({heavy!r}) & set(sys.modules)), code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "FOUND [] 0"
