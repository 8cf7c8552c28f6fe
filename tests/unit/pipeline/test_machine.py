"""What a machine gives for a model, and jobs that the wire asked for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scalediff_engine.base.errors import ModelMissing, NotEnoughMemory, UsageError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Lora, UpscaleSettings
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.families.sdxl.spec import SDXL
from scalediff_engine.memory.device_info import NOTHING_HELD, Device, ReclaimableMemory, held_by
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.memory.speed_record import SpeedRecord
from scalediff_engine.planning import planner as machine_module
from scalediff_engine.planning.notes import FEW_BITS_NOTE, precision_notes
from scalediff_engine.planning.plan import plan_upscale
from scalediff_engine.planning.planner import PlannedJob, Resources, plan_for, resources_for
from scalediff_engine.planning.settings import Attention, Preset, Settings
from scalediff_engine.planning.settings_parsing import settings_of
from scalediff_engine.spec.footprint import GIB, Cost

CARD = Device("Some Card", 20 * GIB, 60 * GIB, 50_000.0)
WORK = Cost(peak_bytes=GIB, gflop=100_000.0)
SOURCE = Size(200, 100)


@pytest.fixture
def speed(tmp_path: Path) -> SpeedRecord:
    return SpeedRecord(tmp_path / "speed.json")


@pytest.fixture(autouse=True)
def _card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "find_device", lambda _: CARD)
    monkeypatch.setattr(machine_module, "available_memory_bytes", lambda: 8 * GIB)


def asked_for(speed: SpeedRecord, **wanted: Any) -> PlannedJob:
    return plan_for(SOURCE, UpscaleSettings(**wanted), speed=speed)


def of(speed: SpeedRecord, facts: Any, limit_bytes: int | None = None, **more: Any) -> Resources:
    return resources_for(facts, "cuda", limit_bytes, speed, limit_name="--max-memory", **more)


def test_the_small_model_is_planned_in_main_memory(speed: SpeedRecord) -> None:
    machine = of(speed, EMBEDDED)
    assert (machine.available_bytes, machine.limited_by) == (8 * GIB, "this machine")
    assert machine.room is None
    limited = of(speed, EMBEDDED, 2 * GIB)
    assert (limited.available_bytes, limited.limited_by) == (2 * GIB, "--max-memory")


def test_a_large_model_is_planned_on_its_device(speed: SpeedRecord) -> None:
    machine = of(speed, SDXL)
    assert machine.limited_by == "Some Card"
    assert machine.room is not None
    assert machine.room.device == CARD
    assert 15 * GIB < machine.available_bytes < 20 * GIB
    limited = of(speed, SDXL, 6 * GIB)
    assert limited.limited_by == "--max-memory"
    assert limited.available_bytes < 6 * GIB
    generous = of(speed, SDXL, 600 * GIB)
    assert generous.limited_by == "Some Card"


def test_time_is_what_was_measured_or_else_the_devices_guess(speed: SpeedRecord) -> None:
    assert of(speed, SDXL).seconds(WORK) == pytest.approx(2.0)
    speed.add({"cuda"}, SDXL.name, 200_000, 10)
    assert of(speed, SDXL).seconds(WORK) == pytest.approx(5.0)


def test_what_a_model_holds_now_is_room_for_the_job_that_takes_its_place(
    speed: SpeedRecord,
) -> None:
    held = ReclaimableMemory(host_bytes=3 * GIB, device_bytes=10 * GIB)
    room = of(speed, SDXL, held=held).room
    assert room is not None
    assert (room.device.free_bytes, room.device.host_bytes) == (30 * GIB, 63 * GIB)
    assert of(speed, EMBEDDED, held=held).available_bytes == 11 * GIB
    shared = held.given_back(replace(CARD, host_bytes=0))
    assert (shared.free_bytes, shared.host_bytes) == (23 * GIB, 0)


def test_what_a_process_holds_is_asked_of_the_system() -> None:
    code = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        assert held_by(child.pid).host_bytes > 0
    assert held_by(child.pid) == NOTHING_HELD


def test_every_setting_of_the_wire_arrives() -> None:
    wanted = UpscaleSettings(
        prompt="a",
        negative="b",
        preset="best",
        creativity=0.1,
        structure=0.2,
        steps=3,
        guidance=4.0,
        seed=5,
        attention="direct",
        latent_frequency_mixing=False,
        structure_guidance=False,
        jitter=False,
        source_lock=False,
    )
    assert settings_of(wanted) == Settings(
        "a", "b", Preset.BEST, 0.1, 0.2, 3, None, 4.0, None, 5, Attention.DIRECT, *[False] * 4
    )
    assert settings_of(UpscaleSettings()) == Settings()


def test_the_result_is_four_times_as_large_unless_it_was_said(speed: SpeedRecord) -> None:
    assert asked_for(speed).plan.target == Size(800, 400)
    assert asked_for(speed, scale=1.5).plan.target == Size(300, 150)
    assert asked_for(speed, width=700, height=500).plan.target == Size(700, 500)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"scale": 2.0, "width": 400, "height": 200}, "exactly one"),
        ({"width": 400}, "one of them is missing"),
        ({"width": 0, "height": 0}, "smaller than the picture"),
        ({"scale": 33.0}, "between 1 and 32"),
        ({"device": "gpu"}, "The device is 'gpu'"),
        ({"preset": "quick"}, "The preset must be one of"),
        ({"attention": "NPA"}, "The attention must be one of"),
        ({"max_memory_gib": 0.0}, "The limit for memory is 0"),
        ({"max_memory_gib": 1e308}, "The limit for memory is 1e.308"),
        ({"creativity": 1.5}, "Creativity must be"),
        ({"seed": -1}, "Seed must be"),
        ({"loras": [Lora("/some where/soft.safetensors", 11.0)]}, "LoRA soft.safetensors must be"),
    ],
)
def test_what_makes_no_sense_is_said_without_options(
    wanted: dict[str, Any], sentence: str, speed: SpeedRecord
) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        asked_for(speed, **wanted)
    assert "--" not in str(caught.value)


def test_a_plan_says_all_that_a_worker_and_a_preflight_need(speed: SpeedRecord) -> None:
    prepared = asked_for(speed, model="sdxl", preset="fast", max_memory_gib=6.0)
    assert prepared.facts == SDXL
    assert prepared.settings.steps == SDXL.fast.steps  # settled
    assert prepared.limit_bytes == 6 * GIB
    assert prepared.plan.source == SOURCE
    assert prepared.seconds > 0
    prepared.require_room()


def test_a_plan_that_does_not_fit_is_there_all_the_same(speed: SpeedRecord) -> None:
    prepared = asked_for(speed, max_memory_gib=0.1)
    with pytest.raises(NotEnoughMemory, match=r"under the memory limit has 0\.1 GiB"):
        prepared.require_room()


def test_a_wish_that_the_model_has_no_ear_for_is_told(speed: SpeedRecord) -> None:
    notes = asked_for(speed, negative="blur", guidance=3.0).notes
    assert notes == ()  # with guidance, the embedded model hears both
    (note,) = asked_for(speed, negative="blur", guidance=1.0).notes
    assert note.startswith("The negative prompt has no effect")
    off, _ = asked_for(speed, negative="blur", guidance=0.0).notes
    assert off == "Guidance 0 turns guidance off, as 1 does."


def test_weights_in_few_bits_are_told() -> None:
    plan = plan_upscale(SOURCE, Size(400, 200), EMBEDDED, Settings())
    assert precision_notes(plan) == ()
    assert precision_notes(replace(plan, memory=(MemoryPlan(weight_bits=8),))) == (FEW_BITS_NOTE,)


def test_a_model_that_is_not_there_is_told(speed: SpeedRecord) -> None:
    with pytest.raises(ModelMissing):
        asked_for(speed, model="no-such-model")
    with pytest.raises(ModelMissing):
        asked_for(speed, model="")


def test_planning_for_the_wire_imports_no_torch() -> None:
    code = (
        "import sys; from scalediff_engine.planning.planner import plan_for;"
        "from scalediff_engine.base.geometry import Size;"
        "from scalediff_engine.client.messages import UpscaleSettings;"
        "plan_for(Size(64, 64), UpscaleSettings());"
        "print([m for m in ('torch', 'diffusers', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
