from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scalediff_engine.base.errors import InputMissing
from scalediff_engine.cli.info import show_info
from scalediff_engine.images.picture import Depth, Metadata, Picture
from scalediff_engine.images.writer import write

RECIPE = {
    "program": "scalediff",
    "version": "9.9",
    "model": "toy",
    "source": "4x3",
    "target": "8x6",
    "stages": [{"canvas": "16x16", "steps": 3}],
    "settings": {"prompt": "", "seed": 7, "jitter": False, "source_lock": True},
}


def written(path: Path, recipe: object) -> Path:
    pixels = np.zeros((6, 8, 3), np.float32)
    alpha = np.full((6, 8), 0.5, np.float32)
    picture = Picture(pixels, alpha, Depth.U16, metadata=Metadata(dpi=(300, 300)))
    write(picture, path, recipe=json.dumps(recipe))
    return path


def test_a_file_is_described_for_people(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert show_info(written(tmp_path / "a.png", RECIPE), json=False) == 0
    rows = {line[:11].strip(): line[11:].strip() for line in capsys.readouterr().out.splitlines()}
    assert rows == {
        "File": str(tmp_path / "a.png"),
        "Format": "PNG",
        "Size": "8x6 (0.0 megapixels)",
        "Depth": "16 bit",
        "Colours": "RGB with transparency",
        "Profile": "none (sRGB is assumed)",
        "Resolution": "300 dpi",
        "Made by": "scalediff 9.9",
        "Model": "toy",
        "From": "4x3 to 8x6",
        "Stage 1": "canvas 16x16, steps 3",
        "Prompt": "the model's own",
        "Seed": "7",
        "Jitter": "off",
        "Source lock": "on",
    }


def test_a_file_is_described_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = written(tmp_path / "a.png", RECIPE)
    show_info(file, json=True)
    assert json.loads(capsys.readouterr().out) == {
        "file": str(file),
        "format": "PNG",
        "size": [8, 6],
        "depth": "u16",
        "model": "rgb",
        "alpha": True,
        "profile": None,
        "dpi": pytest.approx([300, 300], abs=0.01),
        "recipe": RECIPE,
        "notes": [],
    }


@pytest.mark.parametrize(
    "recipe",
    [{}, {"stages": 3, "settings": []}, {"stages": [1, None], "settings": {"a\x1b[2J": [1]}}],
)
def test_a_recipe_that_makes_no_sense_is_shown_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture, recipe: object
) -> None:
    assert show_info(written(tmp_path / "a.png", recipe), json=False) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        show_info(tmp_path / "no.png", json=False)
