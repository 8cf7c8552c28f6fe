"""Bad inputs and bad wishes: a code, one sentence, nothing written, no model loaded."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import Outcome, Program, bomb, picture


def refused(outcome: Outcome, code: int, *words: str) -> None:
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert outcome.err.startswith("scalediff: ")
    assert outcome.err.count("\n") == 1, outcome.err
    for word in words:
        assert word in outcome.err


@pytest.fixture(autouse=True)
def _leaves_no_trace(scalediff: Program) -> Iterator[None]:
    """Whatever a refusal is about, afterwards the folder holds what it held before."""
    yield
    left = {name for name in scalediff.files() if not name.startswith("given")}
    assert left == set()


def test_a_missing_file(scalediff: Program) -> None:
    refused(scalediff("upscale", "given.png"), 3, "given.png")


def test_a_folder_without_pictures(scalediff: Program) -> None:
    (scalediff.folder / "given.txt").write_text("no picture")
    refused(scalediff("upscale", "."), 3, "No pictures in")


def test_text_that_is_called_png(scalediff: Program) -> None:
    (scalediff.folder / "given.png").write_text("I am a text.")
    refused(scalediff("upscale", "given.png"), 3, "given.png")


def test_a_truncated_jpeg_is_found_before_the_model_is_loaded(scalediff: Program) -> None:
    whole = picture(scalediff.folder / "given.jpg", 200, 200).read_bytes()
    (scalediff.folder / "given.jpg").write_bytes(whole[: len(whole) // 2])
    refused(scalediff("upscale", "given.jpg"), 3, "given.jpg")


def test_an_empty_file(scalediff: Program) -> None:
    (scalediff.folder / "given.png").touch()
    refused(scalediff("upscale", "given.png"), 3, "empty")


def test_a_decompression_bomb(scalediff: Program) -> None:
    bomb(scalediff.folder / "given.png")
    refused(scalediff("upscale", "given.png", "--scale", "1"), 3, "2500 million pixels")


def test_an_output_folder_that_is_a_file(scalediff: Program) -> None:
    picture(scalediff.folder / "given.png")
    (scalediff.folder / "given").touch()
    refused(scalediff("upscale", "given.png", "--output-dir", "given"), 7, "is not a folder")


def test_a_read_only_folder(scalediff: Program, tmp_path: Path) -> None:
    picture(scalediff.folder / "given.png")
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    # also root cannot write to a file system that is mounted read-only
    mounted = _mount(sealed, "ro,size=64k")
    if not mounted:
        sealed.chmod(0o500)
    try:
        if not mounted and _can_write(sealed):
            pytest.skip("this user may write anywhere and may not mount")
        refused(scalediff("upscale", "given.png", "--output-dir", str(sealed)), 7, "read-only")
    finally:
        if mounted:
            subprocess.run(["umount", str(sealed)], check=True)
        sealed.chmod(0o700)


def test_an_existing_output(scalediff: Program) -> None:
    picture(scalediff.folder / "given.png")
    (scalediff.folder / "given_x4.png").write_text("precious")
    refused(scalediff("upscale", "given.png"), 2, "given_x4.png", "--overwrite")
    assert (scalediff.folder / "given_x4.png").read_text() == "precious"


def test_an_unknown_model(scalediff: Program) -> None:
    picture(scalediff.folder / "given.png")
    refused(scalediff("upscale", "given.png", "--model", "nonsense"), 4, "nonsense", "embedded")


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "1e9", "abc", "inf", ""])
def test_an_absurd_scale(scalediff: Program, scale: str) -> None:
    picture(scalediff.folder / "given.png")
    refused(scalediff("upscale", "given.png", "--scale", scale), 2, "--scale")


def test_more_memory_than_allowed(scalediff: Program) -> None:
    picture(scalediff.folder / "given.png")
    outcome = scalediff("upscale", "given.png", "--max-memory", "0.1")
    refused(outcome, 5, "--max-memory has 0.1 GiB")


def test_a_dry_run_refuses_the_same_and_otherwise_writes_only_a_table(scalediff: Program) -> None:
    picture(scalediff.folder / "given.png")
    outcome = scalediff("upscale", "given.png", "--dry-run")
    assert (outcome.code, outcome.err) == (0, "")
    header, row = outcome.out.splitlines()
    assert header.startswith("INPUT")
    assert row.split()[:3] == ["given.png", "32x32", "128x128"]
    assert row.split()[-1] == "given_x4.png"
    outcome = scalediff("upscale", "given.png", "--dry-run", "--max-memory", "0.1")
    refused(outcome, 5, "GiB")


def test_two_inputs_that_would_become_one_file(scalediff: Program) -> None:
    picture(scalediff.folder / "given.png")
    picture(scalediff.folder / "given.jpg")
    outcome = scalediff("upscale", ".", "--format", "png")
    assert (outcome.code, outcome.out) == (6, "")
    assert outcome.err.count("both become") == 2
    assert "0 done, 2 failed" in outcome.err


def test_standard_output_that_nobody_reads_is_no_traceback(scalediff: Program) -> None:
    picture(scalediff.folder / "given.png")
    process = scalediff.start("upscale", "given.png", "--dry-run", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=100) == 141
    assert err == ""


def _mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _can_write(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
    except OSError:
        return False
    (folder / "probe").unlink()
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
def test_a_file_name_that_is_not_utf8_leaves_byte_for_byte_as_it_came(scalediff: Program) -> None:
    name = os.fsdecode(b"given\xe9.png")
    picture(scalediff.folder / name)
    done = subprocess.run(
        scalediff.command("upscale", name, "--dry-run"),
        cwd=scalediff.folder,
        env=scalediff.environment(),
        capture_output=True,
        check=True,
    )
    assert b"given\xe9_x4.png" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_closed_change_no_code(scalediff: Program, closed: str) -> None:
    command = f"{shlex.join(scalediff.command('upscale', 'given.png'))} {closed}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=scalediff.folder,
        env=scalediff.environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
