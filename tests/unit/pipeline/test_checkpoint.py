"""A job that was interrupted anywhere ends with the picture of one that was not, bit for bit."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from scalediff_engine.base.errors import CheckpointUnusable
from scalediff_engine.base.geometry import Size
from scalediff_engine.families import registry as families
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.models.model import Model
from scalediff_engine.pipeline.checkpoint import Checkpoint, Checkpoints
from scalediff_engine.pipeline.loop import run_from_noise, run_stages
from scalediff_engine.planning.plan import Plan, plan_upscale
from scalediff_engine.planning.plan_generate import plan_generate
from scalediff_engine.planning.progress import Progress, meter_for
from scalediff_engine.planning.settings import Settings
from tests.tiny_sd import shared

SOURCE = Size(64, 48)
SETTINGS = Settings(prompt="a tree", steps=2, base_steps=3, seed=11)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    loaded = families.load(str(shared(tmp_path_factory, "sdxl")), "cpu")
    loaded.facts = replace(loaded.facts, native=Size(64, 64))
    return loaded


class Kept:
    """Keeps every checkpoint, as bytes."""

    def __init__(self) -> None:
        self.all: list[bytes] = []
        self.checkpoints = Checkpoints("job", is_due=lambda: True, save=self._save)

    def _save(self, checkpoint: Checkpoint) -> None:
        self.all.append(checkpoint.to_bytes())


def tensors(data: bytes) -> list[Tensor]:
    kept = Checkpoint.from_bytes(data)
    found = (kept.z_t, kept.z_ref_low, kept.generator)
    return [tensor for tensor in found if tensor is not None]


def picture() -> Tensor:
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1


def upscaled(model: Model, checkpoints: Checkpoints, plan: Plan | None = None) -> Tensor:
    plan = plan or plan_upscale(SOURCE, Size(200, 160), model.facts, SETTINGS)
    meter = meter_for(plan, model.facts, SETTINGS, lambda _: None)
    return run_stages(picture(), plan, SETTINGS, model, meter, checkpoints)


def made(model: Model, checkpoints: Checkpoints) -> Tensor:
    plan = plan_generate(Size(200, 160), model.facts, SETTINGS)
    meter = meter_for(plan, model.facts, SETTINGS, lambda _: None)
    return run_from_noise(plan, SETTINGS, model, meter, checkpoints)


@pytest.mark.parametrize("work", [upscaled, made])
def test_going_on_from_any_step_ends_with_the_same_picture(work: Any, model: Model) -> None:
    kept = Kept()
    undisturbed = work(model, kept.checkpoints)
    stages = [Checkpoint.from_bytes(data).stage for data in kept.all]
    assert len(set(stages)) > 1
    assert len(kept.all) == len(set(kept.all))
    for data in kept.all:
        begun = Checkpoint.from_bytes(data)
        later = Kept()
        going_on = replace(later.checkpoints, begun=begun)
        assert torch.equal(work(model, going_on), undisturbed)
        # what it saves on its way is what the first run saved
        expected = kept.all[len(kept.all) - len(later.all) :]
        for one, other in zip(later.all, expected, strict=True):
            assert all(map(torch.equal, tensors(one), tensors(other)))


def test_latents_lie_in_memory_as_they_did() -> None:
    # kernels for another layout, or another alignment, round differently
    z_t = torch.rand(1, 16, 12, 10).contiguous(memory_format=torch.channels_last)
    z_ref_low = torch.rand(1, 16, 10, 12).transpose(2, 3)
    kept = Checkpoint("job", 0, 1, 0, z_t, z_ref_low, torch.Generator().get_state())
    for shift in range(3):  # how long the header is decides where tensors begin in the file
        found = Checkpoint.from_bytes(replace(kept, job="j" * shift).to_bytes())
        assert found.z_ref_low is not None
        for was, now in ((z_t, found.z_t), (z_ref_low, found.z_ref_low)):
            assert torch.equal(was, now)
            assert was.stride() == now.stride()
            assert now.data_ptr() % 64 == 0


def test_a_job_goes_on_under_the_memory_plan_it_had_come_down_to(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_upscale(SOURCE, Size(200, 160), model.facts, SETTINGS)
    plan = replace(plan, memory=(MemoryPlan(), MemoryPlan(batch_pixels=0, resident_bytes=0)))
    predict, calls = model.predict, 0

    def failing_once(*args: Any) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise torch.OutOfMemoryError("out of memory")
        return predict(*args)

    kept = Kept()
    with monkeypatch.context() as patch:
        patch.setattr(model, "predict", failing_once)
        undisturbed = upscaled(model, kept.checkpoints, plan)
    begun = [Checkpoint.from_bytes(data) for data in kept.all]
    assert [checkpoint.memory for checkpoint in begun] == [0] + [1] * (len(begun) - 1)
    arranged: list[MemoryPlan] = []
    arrange = model.arrange
    with monkeypatch.context() as patch:
        patch.setattr(model, "arrange", lambda plan: (arranged.append(plan), arrange(plan)))
        assert torch.equal(upscaled(model, Checkpoints("job", begun=begun[2]), plan), undisturbed)
    assert arranged == [plan.memory[1]]


def test_time_left_counts_what_this_run_does(model: Model) -> None:
    plan = plan_upscale(SOURCE, Size(200, 160), model.facts, SETTINGS)
    kept = Kept()
    upscaled(model, kept.checkpoints)
    begun = Checkpoint.from_bytes(kept.all[-2])
    heard: list[Progress] = []
    meter = meter_for(plan, model.facts, SETTINGS, heard.append)
    run_stages(picture(), plan, SETTINGS, model, meter, Checkpoints("job", begun=begun))
    assert heard[0].fraction > 0.2  # of the whole job
    assert heard[0].seconds_left is None
    assert all(b.fraction >= a.fraction for a, b in itertools.pairwise(heard))
    assert heard[-1].seconds_left is not None


@pytest.mark.parametrize("cut", [0, 3, 8, 100, -1])
def test_a_damaged_checkpoint_is_told(cut: int, model: Model) -> None:
    kept = Kept()
    upscaled(model, kept.checkpoints)
    with pytest.raises(CheckpointUnusable, match="damaged"):
        Checkpoint.from_bytes(kept.all[0][:cut])


def test_another_jobs_or_versions_checkpoint_is_refused(model: Model) -> None:
    kept = Kept()
    upscaled(model, kept.checkpoints)
    with pytest.raises(CheckpointUnusable, match="another job"):
        Checkpoints("other", begun=Checkpoint.from_bytes(kept.all[0]))
    older = kept.all[0].replace(b'"version":"1"', b'"version":"0"')
    assert older != kept.all[0]
    with pytest.raises(CheckpointUnusable, match="format 0"):
        Checkpoint.from_bytes(older)
