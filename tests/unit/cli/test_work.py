from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from scalediff_engine.cli import real_workshop, work
from scalediff_engine.cli.real_workshop import ModelBench
from scalediff_engine.cli.request import ModelChoice, UpscaleRequest
from scalediff_engine.errors import ModelMissing
from scalediff_engine.memory.device import Device
from scalediff_engine.memory.footprint import GIB, Cost
from scalediff_engine.memory.speed import SpeedRecord
from scalediff_engine.models.embedded import EMBEDDED
from scalediff_engine.models.sdxl import SDXL
from scalediff_engine.pipeline.settings import Settings

CARD = Device("Some Card", 20 * GIB, 60 * GIB, 50_000.0)
WORK = Cost(peak_bytes=GIB, gflop=100_000.0)


def request(max_memory_bytes: int | None = None) -> UpscaleRequest:
    chosen = ModelChoice("m", device="cuda")
    return UpscaleRequest((Path("a"),), model=chosen, max_memory_bytes=max_memory_bytes)


@pytest.fixture
def speed(tmp_path: Path) -> SpeedRecord:
    return SpeedRecord(tmp_path / "speed.json")


@pytest.fixture(autouse=True)
def _card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "find_device", lambda _: CARD)
    monkeypatch.setattr(work, "available_memory_bytes", lambda: 8 * GIB)


def test_the_small_model_is_planned_in_main_memory(speed: SpeedRecord) -> None:
    machine = work.this_machine(request(), EMBEDDED, speed)
    assert (machine.available_bytes, machine.limited_by) == (8 * GIB, "this machine")
    assert machine.room is None
    limited = work.this_machine(request(2 * GIB), EMBEDDED, speed)
    assert (limited.available_bytes, limited.limited_by) == (2 * GIB, "--max-memory")


def test_a_large_model_is_planned_on_its_device(speed: SpeedRecord) -> None:
    machine = work.this_machine(request(), SDXL, speed)
    assert machine.limited_by == "Some Card"
    assert machine.room is not None
    assert machine.room.device == CARD
    assert 15 * GIB < machine.available_bytes < 20 * GIB
    limited = work.this_machine(request(6 * GIB), SDXL, speed)
    assert limited.limited_by == "--max-memory"
    assert limited.available_bytes < 6 * GIB
    generous = work.this_machine(request(600 * GIB), SDXL, speed)
    assert generous.limited_by == "Some Card"


def test_time_is_what_was_measured_or_else_the_devices_guess(speed: SpeedRecord) -> None:
    assert work.this_machine(request(), SDXL, speed).seconds(WORK) == pytest.approx(2.0)
    speed.add({"cuda"}, SDXL.name, 200_000, 10)
    assert work.this_machine(request(), SDXL, speed).seconds(WORK) == pytest.approx(5.0)


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
