"""A loaded model and a fast job: it stays if there is room beside it, and else makes room."""

from __future__ import annotations

from pathlib import Path

import pytest
from worker_process import make_run

from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.jobs.worker_process import Done, Failed, News
from scalediff_engine.planning import planner
from scalediff_engine.worker.job import Workplace
from scalediff_engine.worker.loaded import LoadedModel
from scalediff_engine.worker.streams import Task

FAST = UpscaleSettings(scale=2.0, method="fast")
MIB = 2**20


@pytest.mark.parametrize(
    ("beside", "after", "is_freed", "outcome"),
    [
        (8192 * MIB, 8192 * MIB, False, Done),
        (100 * MIB, 8192 * MIB, True, Done),
        (100 * MIB, 100 * MIB, True, Failed),
    ],
    ids=["room beside it", "room without it", "no room at all"],
)
def test_a_model_goes_only_for_want_of_room(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    beside: int,
    after: int,
    is_freed: bool,
    outcome: type[News],
) -> None:
    freed: list[bool] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(planner, "available_memory_bytes", lambda: after if freed else beside)
    monkeypatch.setattr(LoadedModel, "free", lambda _: freed.append(True))
    told: list[News] = []
    Workplace(told.append, 5.0).do(Task(make_run(tmp_path, settings=FAST)))
    assert isinstance(told[-1], outcome), told[-1]
    assert bool(freed) is is_freed
    if isinstance(told[-1], Failed):
        assert told[-1].problem.code == "not-enough-memory"
