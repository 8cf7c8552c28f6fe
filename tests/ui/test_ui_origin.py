"""A picture file of the dialog: what its result is written with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_gateway import job, picture

from scalediff_engine.client.messages import JobState, UpscaleSettings
from scalediff_engine.ui.compare.results import Try
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.origin import FileOrigin
from scalediff_engine.ui.picture import Picture
from scalediff_engine.ui.upscale.choices import Choices


class Recorder(PictureFiles):
    """Writes nothing; remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Any] = []

    def write(
        self, picture: Picture, recipe: str | None, file: Path, source: Path | None = None
    ) -> None:
        del picture
        self.written.append((recipe, file, source))


class AtOnce:
    """Workers that do it while one waits."""

    def run(self, work: Any, done: Any, failed: Any) -> None:
        done(work(None))


@pytest.mark.parametrize("strip", [False, True])
def test_a_result_keeps_its_recipe_unless_no_metadata_are_wanted(
    tmp_path: Path, strip: bool
) -> None:
    files = Recorder()
    source = tmp_path / "a.jpg"
    origin = FileOrigin(source, files, AtOnce())  # type: ignore[arg-type]
    made = job("a", JobState.DONE, recipe="{}", settings=UpscaleSettings(strip=strip))
    said: list[str] = []
    origin.accept(Try(1, made, Choices(), picture()), None, said.append, said.append)
    (target,) = [what[1] for what in files.written]
    assert files.written == [(None if strip else "{}", target, source)]
    assert len(said) == 1
