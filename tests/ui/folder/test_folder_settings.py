"""Where results went last is remembered; that results are replaced is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalediff_engine.batch.naming import Destination, Place
from scalediff_engine.client.batches import Existing
from scalediff_engine.images.formats import Format
from scalediff_engine.ui.folder import settings


def test_what_was_chosen_is_there_again(tmp_path: Path) -> None:
    file = settings.destination_file(tmp_path)
    chosen = Destination(
        place=Place.FOLDER, folder="/out", pattern="{stem}!", format=Format.WEBP, quality=80,
        existing=Existing.KEEP,
    )  # fmt: skip
    settings.save_destination(chosen, file)
    assert settings.load_destination(file) == chosen
    assert [path.name for path in file.parent.iterdir()] == ["folder.json"]


def test_replacing_has_to_be_said_each_time(tmp_path: Path) -> None:
    file = settings.destination_file(tmp_path)
    settings.save_destination(Destination(existing=Existing.REPLACE), file)
    assert settings.load_destination(file).existing is Existing.SKIP


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", "null", '{"place": 1, "quality": true, "format": "gif"}',
        '{"quality": 900, "pattern": "", "subfolder": null}', "[" * 100_000,
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_as_if_it_had_never_been(tmp_path: Path, text: str) -> None:
    file = settings.destination_file(tmp_path)
    file.parent.mkdir()
    file.write_text(text)
    assert settings.load_destination(file) == Destination()


def test_a_place_that_cannot_be_written_costs_the_memory_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dialog").write_text("a file")
    settings.save_destination(Destination(), settings.destination_file(tmp_path))
    assert "cannot be written" in caplog.text
