"""The training script of the shipped model, for a few tiny steps on the processor."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.bench.baselines import enlarged
from scalediff_engine.families.embedded.model import load_embedded
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.pipeline import canvas
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.upscalers.network import shipped

FOLDER = Path(__file__).parents[3] / "scalediff_engine" / "embedded"
TRAINING = FOLDER / "training"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with one archive of two pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    with tarfile.open(folder / "pictures_1.tar", "w") as tar:
        for index, label in enumerate(("photo", "texture")):
            coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8))
            content = io.BytesIO()
            coarse.resize((72, 80)).save(content, "WEBP", lossless=True)
            info = tarfile.TarInfo(f"p{index:04d}_{label}.webp")
            info.size = content.tell()
            tar.addfile(info, io.BytesIO(content.getvalue()))
    return folder


@pytest.fixture
def fast_network(tmp_path: Path) -> Path:
    """Untrained weights of a fast x2 network; reading the shipped file would take `onnx`."""
    path = tmp_path / "fast.pt"
    code = (
        "import sys, torch; from fast_net import FastNet; net = FastNet(2, 8, 1);"
        "torch.save(dict(config=net.config, average=net.state_dict()), sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, path], cwd=TRAINING, check=True)
    return path


def train(init: Path, pictures: Path, fast: Path, out: Path, steps: int) -> str:
    """Run the script until it has made so many steps, and return its log."""
    words = (
        f"--init {init} --pictures {pictures} --vae {FOLDER / 'vae'} --fast {fast} --out {out}"
        f" --side 32 --batch 2 --loaders 1 --max-steps {steps} --report 1"
        " --seconds 600 --regression 0.001"
    )
    done = subprocess.run(
        [sys.executable, TRAINING / "train.py", *words.split()],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)  # three starts of Python with torch
def test_training_saves_weights_in_small_files_and_goes_on_from_them(
    tmp_path: Path, pictures: Path, fast_network: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train(FOLDER, pictures, fast_network, first, 2)
    names = {path.name for path in first.glob("*-*.safetensors")}
    assert names == {f"{n}.safetensors" for n in (
        "average-1", "average-2", "raw-1", "raw-2", "critic-1", "regression-1", "regression-2"
    )}  # fmt: skip
    assert all((first / name).stat().st_size < 16 * 2**20 for name in names)
    assert json.loads((first / "train.json").read_text())["steps"] == 2
    # the same folder: the very state; another one: the weights alone
    assert "step 3 difference" in train(FOLDER, pictures, fast_network, first, 3)
    assert "step 1 difference" in train(first, pictures, fast_network, second, 1)


@pytest.mark.slow
def test_the_training_runs_the_steps_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both make the same picture of the same source, with the noise taken out of both."""
    monkeypatch.syspath_prepend(TRAINING)
    few_steps: Any = import_module("few_steps")
    model = load_embedded(EMBEDDED, torch.device("cpu"))
    prompt = model.condition("", "").positive.tokens
    monkeypatch.setattr(torch, "randn_like", torch.zeros_like)
    monkeypatch.setattr(canvas, "seeded_noise", lambda shape, _: torch.zeros(shape))
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
    source = np.asarray(coarse.resize((256, 256), Image.Resampling.LANCZOS), np.float32) / 255

    def fast(x: Tensor) -> Tensor:
        made = shipped(2).region(
            x[0].permute(1, 2, 0).numpy(), Box(0, 0, *(2 * n for n in x.shape[3:1:-1]))
        )
        return torch.from_numpy(made).permute(2, 0, 1)[None]

    upscaler = few_steps.Upscaler(
        lambda z, t, prompt: model._unet(z, t, encoder_hidden_states=prompt).sample,
        model.encode,
        model.decode,
        fast,
        model.schedule.alphas_cumprod,
    )
    stages = tuple((s.t_start, s.steps) for s in EMBEDDED.stage_table[0])
    assert stages == few_steps.STAGES[2]
    with torch.inference_mode():
        x = torch.from_numpy(source).permute(2, 0, 1)[None] * 2 - 1
        ours = upscaler(x, prompt, stages)[0].permute(1, 2, 0).numpy() / 2 + 0.5
    settings = Settings(attention=Attention.DIRECT)
    theirs = enlarged(source, Size(512, 512), settings, model)
    assert np.abs(ours - theirs).mean() < 0.5 / 255
