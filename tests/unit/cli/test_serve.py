"""What ``scalediff serve`` says of a folder that it cannot use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scalediff_engine.base.errors import EngineError
from scalediff_engine.cli import serve


@pytest.mark.parametrize("taken", ["run", "log", "data", "data/spool", "data/spool/jobs"])
def test_a_folder_that_cannot_be_made_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    file = tmp_path / taken
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    with pytest.raises(EngineError, match="cannot be"):
        serve.run_serve(0, 1, str(tmp_path), "info")


@pytest.mark.parametrize("taken", ["log/engine.log", "data/jobs.sqlite", "data/batches.sqlite"])
def test_a_file_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    (tmp_path / taken).mkdir(parents=True)
    with pytest.raises(EngineError, match=taken.rpartition("/")[2]):
        serve.run_serve(0, 1, str(tmp_path), "info")
