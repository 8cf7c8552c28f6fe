"""The main job with the shipped model on tiny pictures; checks share the costly starts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program import Program, picture

FAST = ("--scale", "2", "--steps", "1")


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as opened:
        return opened.size


def test_one_picture_becomes_a_larger_one_beside_it(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png", 40, 24)
    outcome = scalediff("upscale", "a.png", "--scale", "2")
    assert outcome.code == 0, outcome.err
    assert outcome.out == "a_x2.png\n"
    assert scalediff.files() == {"a.png", "a_x2.png"}
    assert size_of(scalediff.folder / "a_x2.png") == (80, 48)

    info = scalediff("info", "a_x2.png", "--json")
    found = json.loads(info.out)
    assert found["recipe"]["model"] == "embedded"
    assert found["recipe"]["settings"]["seed"] == 0
    told = scalediff("info", "a_x2.png")
    assert told.code == 0
    assert "80x48" in told.out


@pytest.mark.slow
def test_the_same_input_twice_gives_the_same_bytes(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png")
    one = scalediff("upscale", "a.png", *FAST, "-o", "one.png", "-q")
    two = scalediff("upscale", "a.png", *FAST, "-o", "two.png", "-q")
    assert (one.code, two.code) == (0, 0)
    assert (one.err, two.err) == ("", "")
    first, second = (scalediff.folder / name for name in ("one.png", "two.png"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_a_folder_with_one_bad_file_and_a_second_run_that_has_nothing_to_do(
    scalediff: Program,
) -> None:
    folder = scalediff.folder
    picture(folder / "in" / "a.png")
    picture(folder / "in" / "deep" / "b.jpg", 24, 16)
    (folder / "in" / "bad.png").write_text("no picture")
    arguments = ("upscale", "in", "--recursive", "--output-dir", "out", *FAST, "--json")

    first = scalediff(*arguments)
    assert first.code == 6
    assert first.err.count("\n") == 1
    assert [event["event"] for event in first.events[:3]] == ["plan", "plan", "error"]
    assert [error["code"] for error in first.of("error")] == ["picture-unreadable"]
    assert {result["output"] for result in first.of("result")} == {
        str(Path("out/a_x2.png")),
        str(Path("out/deep/b_x2.jpg")),
    }
    assert size_of(folder / "out" / "deep" / "b_x2.jpg") == (48, 32)
    fractions = [event["fraction"] for event in first.of("progress") if event["file"] == 1]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    summary = first.events[-1]
    assert (summary["event"], summary["done"], summary["failed"]) == ("summary", 2, 1)

    before = {name: (folder / name).read_bytes() for name in scalediff.files()}
    second = scalediff(*arguments, "--skip-existing")
    assert second.code == 6  # the bad file is still bad
    assert not second.of("loading")
    assert second.events[-1]["skipped"] == 2
    assert before == {name: (folder / name).read_bytes() for name in scalediff.files()}

    (folder / "in" / "bad.png").unlink()
    # results beside their sources are known by their recipe and not enlarged again
    beside = scalediff("upscale", "out", *FAST, "-r", "--json")
    assert beside.code == 0
    assert {event["reason"] for event in beside.of("skipped")} == {"own-result"}
    assert scalediff("upscale", "in", "out", "-r", "--dry-run", "--json").events[-1]["planned"] == 2


@pytest.mark.slow
def test_formats_names_and_settings_are_honoured(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png")
    outcome = scalediff(
        *("upscale", "a.png", "--size", "48x40", "--steps", "1", "--seed", "5", "--format", "webp"),
        *("--name", "{stem}-{width}x{height}-{model}-{seed}", "--no-jitter", "--no-lfm"),
        *("--output-dir", "new/folder", "--creativity", "0.2", "--device", "cpu"),
    )
    assert outcome.code == 0, outcome.err
    assert outcome.out.strip() == str(Path("new/folder/a-48x40-embedded-5.webp"))
    assert size_of(scalediff.folder / outcome.out.strip()) == (48, 40)


@pytest.mark.slow
def test_overwrite_replaces_and_a_device_that_is_not_there_is_said_so(scalediff: Program) -> None:
    picture(scalediff.folder / "a.png")
    (scalediff.folder / "a_x2.png").write_text("old")
    missing = scalediff("upscale", "a.png", *FAST, "--overwrite", "--device", "xpu")
    assert missing.code == 2
    assert missing.err.startswith("scalediff: There is no device 'xpu' here.")
    assert missing.err.count("\n") == 1
    assert (scalediff.folder / "a_x2.png").read_text() == "old"
    assert scalediff("upscale", "a.png", *FAST, "--overwrite").code == 0
    assert size_of(scalediff.folder / "a_x2.png") == (64, 64)


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_leaves_nothing(scalediff: Program, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system to fill")
    try:
        noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(noise).save(scalediff.folder / "a.png")
        outcome = scalediff("upscale", "a.png", *FAST, "--output-dir", str(small), "-q")
        assert outcome.code == 7
        assert outcome.err.startswith("scalediff: The disk or quota is full")
        assert outcome.err.count("\n") == 1
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
