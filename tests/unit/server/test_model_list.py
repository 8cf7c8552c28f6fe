"""The list of models: families, what is in the cache, and never an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.families.registry import all_forms
from scalediff_engine.server.model_list import list_models


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_each_family_has_its_line_and_the_embedded_one_is_there() -> None:
    models = list_models().models
    assert [model.name for model in models] == [family.name for family in all_forms()]
    assert [model.name for model in models if model.installed] == ["embedded"]
    embedded = models[0]
    assert (embedded.native_width, embedded.steps, embedded.guidance) == (256, 3, 1.0)
    assert 0 <= embedded.default_creativity <= 1


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 8, b'{"a":', b"9" * 1000])
def test_broken_files_are_passed_over(cache: Path, content: bytes) -> None:
    snapshot = cache / "models--org--broken" / "snapshots" / "0"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(content)
    folder = cache / "models--stabilityai--sdxl-turbo" / "snapshots" / "0"
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_bytes(content)
    assert len(list_models().models) == len(all_forms())
