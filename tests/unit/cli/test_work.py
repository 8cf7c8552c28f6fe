from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.cli import real_workshop
from scalediff_engine.cli.real_workshop import ModelBench
from scalediff_engine.planning.settings import Settings
from scalediff_engine.planning.wishes import ModelChoice


def test_loras_and_the_place_of_text_encoders_reach_the_loader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def load(*given: Any) -> Any:
        asked.append(given)
        return SimpleNamespace(device=torch.device("cpu"), notes=("A LoRA.",))

    monkeypatch.setattr(real_workshop.families, "load", load)
    loras = ((Path("soft.safetensors"), 0.5),)
    full = tmp_path / "full"
    full.mkdir()
    maker = ModelBench().load(ModelChoice("m", "cpu", loras, str(full)), Settings())
    assert asked == [("m", "cpu", loras, full)]
    assert (maker.device, maker.notes) == ("cpu", ("A LoRA.",))
    ModelBench().load(ModelChoice("m", "cpu"), Settings())
    assert asked[1] == ("m", "cpu", (), None)
    with pytest.raises(ModelMissing, match="no such file or folder"):
        ModelBench().load(ModelChoice("m", text_encoders_from="./gone"), Settings())
