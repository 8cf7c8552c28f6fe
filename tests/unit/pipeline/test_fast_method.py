"""The fast method: what it refuses, what it plans, what it does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalediff_engine.base.errors import Cancelled, NotEnoughMemory, UsageError
from scalediff_engine.base.geometry import Box, Size
from scalediff_engine.client.messages import UpscaleSettings, Window
from scalediff_engine.images.picture import Depth, Picture
from scalediff_engine.memory.device_info import ReclaimableMemory
from scalediff_engine.memory.speed_record import SpeedRecord
from scalediff_engine.pipeline.upscale_fast import upscale_by_networks
from scalediff_engine.planning import planner as machine_module
from scalediff_engine.planning.plan import plan_fast
from scalediff_engine.planning.planner import PlannedJob, plan_for
from scalediff_engine.planning.progress import Phase, Progress
from scalediff_engine.planning.recipe import make_fast_recipe
from scalediff_engine.planning.settings import Method, Settings
from scalediff_engine.planning.settings_parsing import settings_of
from scalediff_engine.upscalers.enlarge import upscale_fast
from scalediff_engine.upscalers.network import FOLDER, shipped_hash

FAST = UpscaleSettings(method="fast")
GIB = 2**30
SMALL = Size(256, 256)


def planned(folder: Path, source: Size = SMALL, **wanted: Any) -> PlannedJob:
    return plan_for(source, replace(FAST, **wanted), speed=SpeedRecord(folder / "speed.json"))


def picture(width: int, height: int) -> Picture:
    pixels = np.random.default_rng(0).random((height, width, 3), dtype=np.float32)
    return Picture(pixels, depth=Depth.U16)


def test_what_only_diffusion_has_is_noted_and_not_refused(tmp_path: Path) -> None:
    notes = planned(tmp_path, prompt="a tree", steps=4, device="cuda").notes
    assert notes == (
        "The device has no effect with the fast method: it runs on the processor.",
        "The prompt, The number of steps have no effect with the fast method.",
    )


def test_a_seed_a_limit_and_the_usual_values_are_welcome() -> None:
    told = replace(FAST, seed=7, max_memory_gib=4.0, preset="balanced", device="cpu")
    assert settings_of(told) == Settings(seed=7, method=Method.FAST)


def test_the_other_method_hears_everything() -> None:
    assert settings_of(UpscaleSettings(prompt="a tree")).method is Method.SCALEDIFF
    with pytest.raises(UsageError, match=r"one of scalediff, fast \(got 'quick'\)"):
        settings_of(UpscaleSettings(method="quick"))


def test_a_plan_has_one_stage_and_costs_what_its_networks_make(tmp_path: Path) -> None:
    prepared = planned(tmp_path, scale=4)
    assert [stage.canvas for stage in prepared.plan.stages] == [Size(1024, 1024)]
    assert (prepared.facts.name, prepared.choice.device) == ("fast", "cpu")
    assert prepared.machine.room is None
    costs = {scale: planned(tmp_path, scale=scale).plan.cost for scale in (1, 3, 4, 8)}
    assert costs[1].gflop < 0.05 * costs[3].gflop
    # x3 is a shrunk x4; x8 is x4 and then x2
    assert costs[3].gflop == pytest.approx(costs[4].gflop, rel=0.15)
    assert 4 < costs[8].gflop / costs[4].gflop < 5.5
    assert [planned(tmp_path, scale=s).plan.stages[0].steps for s in (1, 3, 8)] == [0, 1, 2]


def test_seconds_are_guessed_and_then_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalediff_engine.memory.device_info.physical_cores", lambda: 2)
    guess = planned(tmp_path, scale=4)
    assert 0.4 < guess.seconds / (guess.plan.target.area / 1e6) < 1.0
    cost = planned(tmp_path, scale=8).plan.cost
    SpeedRecord(tmp_path / "speed.json").add({"cpu"}, "fast", cost.gflop, 100.0)
    assert planned(tmp_path, scale=8).seconds == pytest.approx(100.0, rel=1e-3)


def test_what_does_not_fit_is_refused_and_a_loaded_model_counts_as_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "available_memory_bytes", lambda: GIB)
    planned(tmp_path, scale=4).require_room()
    with pytest.raises(NotEnoughMemory, match="would fit"):
        planned(tmp_path, Size(1024, 1024), scale=8).require_room()
    held = plan_for(
        Size(64, 64),
        FAST,
        speed=SpeedRecord(tmp_path / "speed.json"),
        held=ReclaimableMemory(8 * GIB, 8 * GIB),
    )
    assert held.machine.available_bytes == GIB


@pytest.mark.parametrize("scale", [1, 2, 3, 5])
def test_a_picture_is_what_the_networks_make_of_it_and_progress_never_falls(scale: int) -> None:
    source = picture(20, 14)
    plan = plan_fast(source.size, source.size.scaled(scale))
    told: list[Progress] = []
    result = upscale_by_networks(source, plan, told.append)
    assert result.size == plan.target
    assert np.array_equal(result.pixels, upscale_fast(source, plan.target).pixels)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    steps = plan.stages[0].steps
    assert (told[0].step, told[-1].step, told[-1].steps) == (0, steps, steps)
    assert told[0].phase is Phase.ENLARGE
    assert told[-1].phase is Phase.FINISH


def test_it_is_left_at_the_tile_at_which_it_is_cancelled() -> None:
    source = picture(512, 16)
    plan = plan_fast(source.size, source.size.scaled(4))
    heard: list[Progress] = []

    def cancel(progress: Progress) -> None:
        heard.append(progress)
        if progress.fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        upscale_by_networks(source, plan, cancel)
    assert [progress.phase for progress in heard] == [Phase.ENLARGE, Phase.ENLARGE]
    assert heard[1].fraction == pytest.approx(0.75 / 2)


def test_a_window_is_cut_out_of_the_whole(tmp_path: Path) -> None:
    source, window = picture(24, 20), Window(10, 7, 30, 21)
    speed = SpeedRecord(tmp_path / "speed.json")
    plan = plan_for(source.size, replace(FAST, scale=3), window=window, speed=speed).plan
    assert plan.window == Box(10, 7, 40, 28)
    part = upscale_by_networks(source, plan, lambda _: None)
    whole = upscale_fast(source, plan.target)
    assert np.array_equal(part.pixels, whole.pixels[7:28, 10:40])
    assert json.loads(make_fast_recipe(plan, Settings(method=Method.FAST)))["window"]["left"] == 10


@pytest.mark.parametrize("scale", [2, 2.5, 4])
def test_a_window_of_a_large_picture_is_made_of_its_surroundings_alone(scale: float) -> None:
    source = picture(400, 260)
    target = source.size.scaled(scale)
    window = Box(round(250 * scale), round(20 * scale), round(280 * scale), round(40 * scale))
    plan, whole_plan = plan_fast(source.size, target, window), plan_fast(source.size, target)
    assert plan.start_part is not None
    assert plan.start_part.size.area < 0.5 * source.size.area
    assert plan.cost.gflop < 0.5 * whole_plan.cost.gflop
    assert plan.cost.peak_bytes < whole_plan.cost.peak_bytes
    part = upscale_by_networks(source, plan, lambda _: None).pixels
    whole = upscale_fast(source, target).pixels
    rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
    assert np.abs(part - whole[rows, columns]).max() < 1e-4  # rounding, no border


def test_a_model_makes_room_only_where_there_is_none_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "available_memory_bytes", lambda: GIB)
    speed, held = SpeedRecord(tmp_path / "speed.json"), ReclaimableMemory(8 * GIB, 0)
    large = replace(FAST, scale=8)
    plan_for(Size(1024, 1024), large, speed=speed, held=held).require_room()
    limited = replace(large, max_memory_gib=2.0)
    with pytest.raises(NotEnoughMemory):
        plan_for(Size(1024, 1024), limited, speed=speed, held=held).require_room()


def test_the_recipe_names_the_method_and_the_networks() -> None:
    plan = plan_fast(Size(20, 10), Size(60, 30))
    recipe = json.loads(make_fast_recipe(plan, Settings(method=Method.FAST, seed=3)))
    assert (recipe["method"], recipe["model"], recipe["device"]) == ("fast", "fast", "cpu")
    assert recipe["model_sha256"] == shipped_hash()
    assert recipe["settings"] == {"method": "fast", "seed": 3}
    assert (recipe["source"], recipe["target"]) == ("20x10", "60x30")


def test_the_card_says_the_hash_that_recipes_have() -> None:
    assert shipped_hash() in (FOLDER / "CARD.md").read_text("utf-8")


def test_neither_planning_nor_enlarging_imports_torch() -> None:
    program = (
        "import sys, numpy as np\n"
        "from scalediff_engine.images.picture import Picture\n"
        "from scalediff_engine.base.geometry import Size\n"
        "from scalediff_engine.planning.plan import plan_fast\n"
        "from scalediff_engine.planning.recipe import make_fast_recipe\n"
        "from scalediff_engine.pipeline.upscale_fast import upscale_by_networks\n"
        "picture = Picture(np.zeros((8, 8, 3), np.float32))\n"
        "upscale_by_networks(picture, plan_fast(Size(8, 8), Size(16, 16)), lambda _: None)\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
