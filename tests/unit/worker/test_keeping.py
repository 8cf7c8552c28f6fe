from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scalediff_engine.base.geometry import Size
from scalediff_engine.families.embedded.spec import EMBEDDED
from scalediff_engine.jobs import spool
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.pipeline.checkpoint import Checkpoint, Checkpoints
from scalediff_engine.planning.plan import Plan, plan_upscale
from scalediff_engine.planning.settings import Settings
from scalediff_engine.worker.keeping import Keeper, identity_of

PLAN = plan_upscale(Size(96, 96), Size(192, 192), EMBEDDED, Settings())


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def keeper(folder: Path, identity: str = "a", *, wanted: bool = False, clock: Clock) -> Keeper:
    return Keeper(folder, identity, 5.0, lambda: wanted, clock)


def save(checkpoints: Checkpoints, step: int = 1) -> None:
    z = torch.rand(1, 4, 2, 2)
    state = torch.Generator().get_state()
    checkpoints.save(Checkpoint(checkpoints.job, 0, step, 0, z, z.clone(), state))


def roomier() -> Plan:
    """What would be planned now, with more memory free than at the first time."""
    return replace(PLAN, memory=(MemoryPlan(), MemoryPlan(vae_bytes=7)), compiled=True)


def test_a_job_goes_on_under_the_plan_it_was_begun_with(tmp_path: Path) -> None:
    first = keeper(tmp_path, clock=Clock())
    assert first.plan(PLAN) == PLAN
    save(first.checkpoints(PLAN))
    later = keeper(tmp_path, clock=Clock())
    plan = later.plan(roomier())
    assert plan == PLAN
    begun = later.checkpoints(plan).begun
    assert begun is not None
    assert begun.step == 1


def test_every_part_of_a_memory_plan_is_kept(tmp_path: Path) -> None:
    keeper(tmp_path, clock=Clock()).plan(roomier())
    assert keeper(tmp_path, clock=Clock()).plan(PLAN) == roomier()


def test_without_its_plan_a_checkpoint_counts_only_under_an_equal_one(tmp_path: Path) -> None:
    first = keeper(tmp_path, clock=Clock())
    save(first.checkpoints(first.plan(PLAN)))
    (tmp_path / spool.PLAN).unlink()
    equal = keeper(tmp_path, clock=Clock())
    assert equal.checkpoints(equal.plan(PLAN)).begun is not None
    (tmp_path / spool.PLAN).unlink()
    other = keeper(tmp_path, clock=Clock())
    assert other.checkpoints(other.plan(roomier())).begun is None


def test_another_job_begins_at_its_beginning(tmp_path: Path) -> None:
    first = keeper(tmp_path, clock=Clock())
    save(first.checkpoints(first.plan(PLAN)))
    other = keeper(tmp_path, "b", clock=Clock())
    assert other.plan(roomier()) == roomier()
    assert other.checkpoints(roomier()).begun is None


def test_a_checkpoint_is_due_every_few_seconds_and_when_it_is_wanted(tmp_path: Path) -> None:
    clock = Clock()
    resting = keeper(tmp_path, clock=clock)
    checkpoints = resting.checkpoints(PLAN)
    assert not checkpoints.is_due()
    clock.now_s = 5.0
    assert checkpoints.is_due()
    save(checkpoints)
    assert not checkpoints.is_due()
    assert not resting.kept_as_wanted
    wanting = keeper(tmp_path, wanted=True, clock=clock)
    checkpoints = wanting.checkpoints(PLAN)
    assert checkpoints.is_due()
    save(checkpoints)
    assert wanting.kept_as_wanted


def test_a_full_disk_is_logged_once_and_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = keeper(tmp_path, wanted=True, clock=Clock())
    checkpoints = kept.checkpoints(kept.plan(PLAN))
    checkpoints.is_due()
    save(checkpoints)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        save(checkpoints, 2)
        save(checkpoints, 3)
    assert caplog.text.count("cannot be kept on disk") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [spool.CHECKPOINT, spool.PLAN]
    begun = keeper(tmp_path, clock=Clock()).checkpoints(PLAN).begun
    assert begun is not None
    assert begun.step == 1
    assert kept.kept_as_wanted  # a pause does not wait for a disk


@pytest.mark.parametrize("end", [0, 10, 32, 100, -1])
def test_a_checkpoint_that_is_cut_off_is_none(end: int, tmp_path: Path) -> None:
    kept = keeper(tmp_path, clock=Clock())
    save(kept.checkpoints(PLAN))
    path = tmp_path / spool.CHECKPOINT
    path.write_bytes(path.read_bytes()[:end])
    assert keeper(tmp_path, clock=Clock()).checkpoints(PLAN).begun is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"7",
        b'{"job": "a"}',
        b'{"job": "a", "memory": 1, "compiled": false}',
        b'{"job": "a", "memory": ["x"], "compiled": false}',
        b'{"job": "a", "memory": [{"other": 1}], "compiled": false}',
        b'{"job": "a", "memory": [{"vae_bytes": "x"}], "compiled": false}',
        b'{"job": "a", "memory": [], "compiled": false}',
        b'{"job": "a", "memory": [{}], "compiled": 2}',
        b"[" * 100_000,
    ],
)
def test_a_plan_that_is_damaged_is_made_again(content: bytes, tmp_path: Path) -> None:
    (tmp_path / spool.PLAN).write_bytes(content)
    assert keeper(tmp_path, clock=Clock()).plan(roomier()) == roomier()
    assert keeper(tmp_path, clock=Clock()).plan(PLAN) == roomier()  # and kept


def test_source_and_recipe_stand_for_a_job(tmp_path: Path) -> None:
    source, other = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"pixels")
    other.write_bytes(b"others")
    identities = {identity_of("r", source), identity_of("r", other), identity_of("s", source)}
    assert len(identities) == 3
    other.write_bytes(b"pixels")
    assert identity_of("r", other) == identity_of("r", source)
