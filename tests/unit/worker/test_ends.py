"""Both ends of a file's job: what is refused before the work, and a result that is known again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalediff_engine.base.errors import InputMissing, OutputError, OutputExists, UnreadablePicture
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import UpscaleSettings
from scalediff_engine.images.picture import Depth, Metadata, Picture
from scalediff_engine.images.reader import load
from scalediff_engine.images.recipe import read_recipe
from scalediff_engine.jobs.worker_process import FileWork, Run
from scalediff_engine.worker.ends import PLACED, Ends, ends_of

RESULT = Picture(np.full((6, 9, 3), 0.5, np.float32), None, Depth.U8, None)
RECIPE = '{"program": "scalediff"}'


@pytest.fixture
def work(tmp_path: Path) -> FileWork:
    Image.new("RGB", (3, 2)).save(tmp_path / "small.png")
    (tmp_path / "job").mkdir()
    return FileWork(str(tmp_path / "small.png"), str(tmp_path / "a" / "b" / "large.png"))


def ends(work: FileWork, *, strip: bool = False) -> Ends:
    folder = Path(work.source).parent / "job"
    return ends_of(Run("1" * 32, str(folder), "", UpscaleSettings(strip=strip), work))


def test_a_result_is_written_with_its_recipe_into_folders_that_are_made(work: FileWork) -> None:
    both = ends(work)
    assert both.found() is None
    assert both.size() == Size(3, 2)
    assert both.read()[0].size == Size(3, 2)
    assert both.write(RESULT, RECIPE, ("A note.",)) == ("A note.",)
    target = Path(work.target)
    assert load(target).picture.size == Size(9, 6)
    assert read_recipe(target) is not None
    assert [path.name for path in target.parent.iterdir()] == ["large.png"]


def test_a_result_can_be_written_without_metadata_and_is_known_again(work: FileWork) -> None:
    described = replace(RESULT, metadata=Metadata(dpi=(300.0, 300.0)))
    ends(work, strip=True).write(described, RECIPE, ())
    target = Path(work.target)
    assert read_recipe(target) is None
    assert load(target).picture.metadata == Metadata()
    assert ends(work, strip=True).found() == (RECIPE, [])


def test_what_the_format_could_not_keep_is_a_note(work: FileWork) -> None:
    deep = replace(RESULT, depth=Depth.U16)
    notes = ends(replace(work, target=work.target[:-3] + "jpg")).write(deep, RECIPE, ())
    assert any("16-bit" in note for note in notes)


def test_a_result_of_its_own_is_known_again(work: FileWork) -> None:
    ends(work).write(RESULT, RECIPE, ("A note.",))
    assert ends(work).found() == (RECIPE, ["A note."])
    assert ends(replace(work, replace=True)).found() == (RECIPE, ["A note."])


def test_somebody_elses_result_is_not_taken_for_its_own(work: FileWork) -> None:
    ends(work).write(RESULT, RECIPE, ())
    Path(work.target).write_bytes(b"somebody's")
    with pytest.raises(OutputExists, match="was left as it is"):
        ends(work).found()
    assert ends(replace(work, replace=True)).found() is None
    with pytest.raises(OutputExists, match="was left as it is"):
        ends(work).write(RESULT, RECIPE, ())
    assert Path(work.target).read_bytes() == b"somebody's"


@pytest.mark.parametrize("told", [b"", b"[]", b'{"sha256": 7}', b'{"recipe": "x"}'])
def test_a_damaged_note_of_the_result_counts_for_nothing(work: FileWork, told: bytes) -> None:
    ends(work).write(RESULT, RECIPE, ())
    (Path(work.source).parent / "job" / PLACED).write_bytes(told)
    with pytest.raises(OutputExists):
        ends(work).found()


def test_what_a_killed_worker_left_beside_the_result_goes_and_nothing_else(work: FileWork) -> None:
    folder = Path(work.target).parent
    folder.mkdir(parents=True)
    (folder / f".scalediff-{'1' * 32}.part").write_bytes(b"half")
    (folder / ".scalediff-0123456789abcdef.part").write_bytes(b"another program's")
    ends(work).found()
    assert [path.name for path in folder.iterdir()] == [".scalediff-0123456789abcdef.part"]


def test_a_source_is_never_replaced_by_its_result(work: FileWork) -> None:
    link = Path(work.source).with_name("link.png")
    link.symlink_to(work.source)
    for target in (work.source, str(link)):
        with pytest.raises(OutputError, match="its own source"):
            ends(replace(work, target=target, replace=True)).found()


@pytest.mark.parametrize("name", ["large", "large.bmp", "large.png.txt"])
def test_an_ending_that_cannot_be_written_is_said_before_the_work(
    work: FileWork, name: str
) -> None:
    with pytest.raises(OutputError, match="unknown file type"):
        ends(replace(work, target=str(Path(work.target).with_name(name)))).found()


def test_a_folder_in_the_way_is_said_before_the_work(work: FileWork) -> None:
    Path(work.target).mkdir(parents=True)
    with pytest.raises(OutputError, match="is a folder"):
        ends(replace(work, replace=True)).found()


def test_a_file_in_the_place_of_a_folder_is_said_before_the_work(work: FileWork) -> None:
    target = str(Path(work.source) / "large.png")
    with pytest.raises(OutputError, match="not a folder"):
        ends(replace(work, target=target)).found()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_said_before_the_work(work: FileWork) -> None:
    folder = Path(work.target).parent.parent
    folder.mkdir()
    folder.chmod(0o500)
    with pytest.raises(OutputError, match="read-only"):
        ends(work).found()


def test_a_result_too_large_for_its_format_is_said_before_the_work(work: FileWork) -> None:
    both = ends(replace(work, target=str(Path(work.target).with_suffix(".webp"))))
    with pytest.raises(OutputError):
        both.check(Size(20_000, 10))
    both.check(Size(200, 10))


def test_a_source_that_is_gone_or_damaged_is_said(work: FileWork) -> None:
    Path(work.source).write_bytes(b"no picture")
    with pytest.raises(UnreadablePicture):
        ends(work).size()
    Path(work.source).unlink()
    with pytest.raises(InputMissing):
        ends(work).size()
