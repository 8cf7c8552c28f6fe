from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from scalediff_engine.base.errors import ModelMissing
from scalediff_engine.planning.settings_parsing import ModelChoice
from scalediff_engine.worker import loaded
from scalediff_engine.worker.loaded import LoadedModel

SMALL = ModelChoice("small", "cpu")


class FakeModel:
    device = torch.device("cpu")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Tells of every model that was loaded, and every limit that was set."""
    told: list[Any] = []

    def load(*given: Any) -> FakeModel:
        gc.collect()
        alive = [one for one in told if isinstance(one, weakref.ref) and one() is not None]
        assert not alive, "two models at once"
        model = FakeModel()
        told.extend([given, weakref.ref(model)])
        return model

    monkeypatch.setattr(loaded.families, "load", load)
    monkeypatch.setattr(loaded, "cap_memory", lambda _, limit: told.append(limit))
    return told


def test_a_model_is_loaded_once_for_jobs_that_want_the_same(made: list[Any]) -> None:
    holder, heard = LoadedModel(), list[bool]()
    first = holder.get(SMALL, None, heard.append)
    holder.rest()
    holder.make_room_for(SMALL, None)
    assert holder.get(ModelChoice("small", "cpu"), None, heard.append) is first
    assert heard == [False, True]
    assert made[0] == ("small", "cpu", (), None)


@pytest.mark.parametrize(
    ("choice", "limit"),
    [
        (ModelChoice("other", "cpu"), None),
        (ModelChoice("small", "auto"), None),
        (ModelChoice("small", "cpu", ((Path("a"), 1.0),)), None),
        (ModelChoice("small", "cpu", (), "."), None),
        (SMALL, 2**30),
    ],
)
def test_another_model_takes_the_place_of_the_first(
    choice: ModelChoice, limit: int | None, made: list[Any]
) -> None:
    holder, heard = LoadedModel(), list[bool]()
    holder.get(SMALL, None, heard.append)
    holder.get(choice, limit, heard.append)
    assert heard == [False, True] * 2
    limits = [one for one in made if isinstance(one, int)]
    assert limits[0] > 2**60  # lifts that of a job before
    assert limits[1] == limits[0] if limit is None else limit


def test_a_model_that_cannot_be_loaded_leaves_none(
    made: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = LoadedModel()
    with monkeypatch.context() as patch:
        patch.setattr(loaded.families, "load", _missing)
        with pytest.raises(ModelMissing):
            holder.get(SMALL, None, lambda _: None)
    heard = list[bool]()
    holder.get(SMALL, None, heard.append)
    assert heard == [False, True]


def _missing(*_: Any) -> Any:
    raise ModelMissing("no such model")


def test_it_says_what_its_process_holds(made: list[Any]) -> None:
    holder = LoadedModel()
    holder.get(SMALL, None, lambda _: None)
    held = holder.held()
    assert held.host_bytes > 2**20
    assert held.device_bytes == 0
    holder.make_room_for(ModelChoice("other"), None)
    holder.free()
    assert made
