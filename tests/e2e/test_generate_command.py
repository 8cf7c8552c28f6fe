"""New pictures and models of one's own through the real program, with tiny random models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from program import Program, picture
from safetensors.torch import save_file
from tiny_sd import shared

TREE = ("generate", "a tree", "--model", "tiny", "--device", "cpu")


@pytest.fixture
def tiny(scalediff: Program, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program in a folder with a tiny SDXL in it."""
    shutil.copytree(shared(tmp_path_factory, "sdxl"), scalediff.folder / "tiny")
    return scalediff


def lora(folder: Path, name: str = "soft.safetensors") -> Path:
    """A LoRA that changes one layer of the tiny U-Net's self-attention."""
    layer = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k"
    generator = torch.Generator().manual_seed(0)
    save_file(
        {
            f"{layer}.lora_A.weight": torch.randn(2, 32, generator=generator),
            f"{layer}.lora_B.weight": torch.randn(32, 2, generator=generator),
        },
        folder / name,
        metadata={"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"},
    )
    return folder / name


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        assert opened.mode == "RGB"
        return np.asarray(opened)


def test_words_become_a_picture_with_its_recipe(tiny: Program) -> None:
    made = tiny(*TREE, "--size", "160x128", "-o", "x.png", "--base-steps", "3", "--seed", "4")
    assert made.code == 0, made.err
    assert made.out == "x.png\n"
    assert pixels(tiny.folder / "x.png").shape == (128, 160, 3)
    assert "at 160x128 it makes poor ones" in made.err

    recipe = json.loads(tiny("info", "x.png", "--json").out)["recipe"]
    assert (recipe["command"], recipe["model"], recipe["source"]) == ("generate", "sdxl", None)
    assert len(recipe["model_sha256"]) == 64
    assert (recipe["settings"]["prompt"], recipe["settings"]["seed"]) == ("a tree", 4)
    assert [stage["steps"] for stage in recipe["stages"]] == [3]
    told = tiny("info", "x.png")
    assert "noise to 160x128" in told.out


def test_what_cannot_be_made_is_refused_before_a_model_is_loaded(tiny: Program) -> None:
    (tiny.folder / "x.png").write_text("precious")
    for arguments, code, words in (
        ((*TREE, "--size", "160x128", "-o", "x.png"), 2, "--overwrite"),
        (("generate", "a tree", "--size", "9x9", "-o", "y.png"), 2, "Say --model"),
        ((*TREE[:2], "--model", "embedded", "--size", "9x9", "-o", "y.png"), 2, "FLUX.1"),
        ((*TREE, "--size", "160x128", "-o", "y.png", "--lora", "gone.safetensors"), 4, "gone"),
    ):
        refused = tiny(*arguments)
        assert refused.code == code, refused.err
        assert (refused.out, refused.err.count("\n")) == ("", 1)
        assert words in refused.err
    assert (tiny.folder / "x.png").read_text() == "precious"
    skipped = tiny(*TREE, "--size", "160x128", "-o", "x.png", "--skip-existing")
    assert (skipped.code, skipped.out) == (0, "")


def test_a_dry_run_shows_the_base_and_the_stages(tiny: Program) -> None:
    shown = tiny(*TREE, "--size", "4000x3000", "-o", "x.png", "--dry-run", "--preset", "fast")
    assert (shown.code, shown.err) == (0, "")
    _, base, *stages = shown.out.splitlines()
    assert base.split()[2:7] == ["4000x3000", "1", "1152x864", "noise", "30"]
    assert [line.split()[-1] for line in stages] == ["12", "12"]
    assert not (tiny.folder / "x.png").exists()


@pytest.mark.slow
def test_a_lora_and_its_weight_reach_the_picture_and_the_recipe(tiny: Program) -> None:
    picture(tiny.folder / "a.png")
    lora(tiny.folder)
    usual = ("upscale", "a.png", "--model", "tiny", "--device", "cpu", "--scale", "2", "--steps")
    plain = tiny(*usual, "2", "-o", "plain.png")
    assert plain.code == 0, plain.err
    half = tiny(*usual, "2", "-o", "half.png", "--lora", "soft.safetensors:0.5", "--json")
    assert half.code == 0, half.err
    [result] = half.of("result")
    assert any("soft.safetensors changes 1 layers" in note for note in result["notes"])
    assert (pixels(tiny.folder / "plain.png") != pixels(tiny.folder / "half.png")).any()
    recipe = json.loads(tiny("info", "half.png", "--json").out)["recipe"]
    assert recipe["loras"] == [{"file": "soft.safetensors", "weight": 0.5}]
    assert "soft.safetensors, weight 0.5" in tiny("info", "half.png").out


@pytest.mark.slow
def test_a_picture_beyond_the_native_size_is_made_in_stages(tiny: Program) -> None:
    asked = (*TREE, "--size", "1500x1100", "--steps", "1", "--base-steps", "1", "--json")
    made = [tiny(*asked, "-o", f"{name}.png") for name in ("one", "two")]
    assert [outcome.code for outcome in made] == [0, 0], made[0].err
    assert pixels(tiny.folder / "one.png").shape == (1100, 1500, 3)
    one, two = ((tiny.folder / f"{name}.png").read_bytes() for name in ("one", "two"))
    assert one == two
    phases = [(event["phase"], event["stage"]) for event in made[0].of("progress")]
    assert phases == [
        *(("denoise", 1), ("decode", 1)),
        *(("encode", 2), ("denoise", 2), ("decode", 2), ("finish", 2)),
    ]


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(tiny: Program) -> None:
    before = tiny.files()
    outcome = tiny.interrupt_when(
        lambda line: '"step": 2' in line, *TREE, "--size", "512x512", "-o", "x.png"
    )
    assert outcome.code == 130, outcome.err
    assert outcome.err.endswith("scalediff: Cancelled.\n")
    assert tiny.files() == before
