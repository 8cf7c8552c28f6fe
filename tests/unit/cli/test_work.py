from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.cli import batch, outputs
from scalediff_engine.cli.batch import run_upscale
from scalediff_engine.cli.interrupt import Interrupts
from scalediff_engine.cli.report import Reporting
from scalediff_engine.cli.request import Request, UpscaleRequest
from scalediff_engine.planning.settings import Method, Settings
from scalediff_engine.planning.settings_parsing import ModelChoice


def test_loras_and_the_place_of_text_encoders_reach_the_loader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def load(*given: Any) -> Any:
        asked.append(given)
        return SimpleNamespace(device=torch.device("cpu"), notes=("A LoRA.",))

    monkeypatch.setattr(batch.families, "load", load)
    loras = ((Path("soft.safetensors"), 0.5),)
    full = tmp_path / "full"
    full.mkdir()
    model = batch.load_model(Request(model=ModelChoice("m", "cpu", loras, str(full))))
    assert asked == [("m", "cpu", loras, full)]
    assert (model.device, model.notes) == ("cpu", ("A LoRA.",))
    batch.load_model(Request(model=ModelChoice("m", "cpu")))
    assert asked[1] == ("m", "cpu", (), None)
    with pytest.raises(ModelMissing, match="no such file or folder"):
        batch.load_model(Request(model=ModelChoice("m", text_encoders_from="./gone")))


def test_a_dry_run_neither_fails_at_existing_results_nor_at_a_disk_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "a_x4.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    monkeypatch.setattr(outputs, "free_bytes", lambda _: 0)
    settings = Settings(method=Method.FAST)
    request = UpscaleRequest(inputs=(tmp_path / "a.png",), settings=settings, dry_run=True)
    assert run_upscale(request, Interrupts(), Reporting()) == 0
    out, err = capsys.readouterr()
    assert "a_x4.png" in out
    assert "a_x4.png already exists" in err
    assert f"the disk with {tmp_path} has 0 bytes free" in err
